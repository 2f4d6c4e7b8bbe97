import os
import time

import pytest

from resnet.ui.wall import disk
from resnet.ui.wall.disk import Uploads, sweep
from resnet.ui.wall.limits import KEPT_SECONDS, SWEEP_SECONDS, UPLOADED_PER_HOUR
from resnet.ui.wall.rules import Refused
from resnet.util.text import text


@pytest.fixture
def clock(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    return [1_000_000.0]


def test_an_hours_bytes_are_used_up_and_come_back(clock):
    uploads = Uploads(lambda: clock[0])
    for _ in range(4):
        uploads.check()
        uploads.count(UPLOADED_PER_HOUR // 4)
        clock[0] += 300
    uploads.check()
    uploads.count(1)
    with pytest.raises(Refused) as caught:
        uploads.check()
    assert caught.value.status == 503 and str(caught.value) == text("errors.busy")
    clock[0] += KEPT_SECONDS + SWEEP_SECONDS
    uploads.check()
    assert len(uploads.minutes) <= 1


def test_only_old_leavings_are_swept_up(tmp_path):
    """Finished uploads lie in folders of their own and are Gradio's to delete."""
    for name in ("tmpold", "tmpnew", "kept.png", "ab12/tmpfinished"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
        if name != "tmpnew":
            old = time.time() - 2 * KEPT_SECONDS
            os.utime(tmp_path / name, (old, old))
    (tmp_path / "tmpfolder").mkdir()
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["kept.png", "tmpfinished", "tmpnew"]
    sweep(tmp_path / "none")


def test_it_is_swept_now_and_then(clock, monkeypatch):
    swept = []
    monkeypatch.setattr(disk, "sweep", swept.append)
    uploads = Uploads(lambda: clock[0])
    for _ in range(5):
        uploads.check()
        clock[0] += SWEEP_SECONDS / 2
    assert len(swept) == 3

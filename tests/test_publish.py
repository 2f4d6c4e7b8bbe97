import json

import pytest
import torch
from huggingface_hub import RepoCard, constants

import resnet.hub.publish as module
from resnet.__main__ import main
from resnet.checkpoint import load_model, save_model
from resnet.hub.load import bundled, load
from resnet.hub.publish import PLAIN_LIMIT, ROOT, model_files, plan, publish, space_files
from resnet.hub.ref import WEIGHTS
from resnet.util.errors import InputError
from tests.hub import StandInHub, pointed_at
from tests.hub_commits import Commits
from tests.test_export import NETS, noise, same, saved

SMALL = "resnet20_fashion_mnist"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A stand-in Hub that takes commits, and a token for it."""
    with StandInHub() as server, pointed_at(server, tmp_path / "cache"):
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # the stand-in speaks LFS
        monkeypatch.setenv("HF_TOKEN", "hf_loopback")
        yield Commits(server)


def test_models_and_space_arrive_whole(hub):
    uploads = plan("tester", (SMALL,), "small-space")
    for upload, done in zip(uploads, publish(uploads), strict=True):
        assert done.url.endswith(upload.repository) and len(done.commit) == 40
        arrived = hub.files(upload.repository, f"{upload.kind}s")
        assert {name: len(content) for name, content in arrived.items()} == upload.sizes()
    assert hub.files(f"tester/{SMALL}")["model.safetensors"] == (WEIGHTS / SMALL / "model.safetensors").read_bytes()
    space = hub.files("tester/small-space", "spaces")
    assert space["app.py"] == (ROOT / "app.py").read_bytes() and "resnet/ui/page/style.css" in space
    assert hub.created["spaces", "tester/small-space"]["sdk"] == "gradio"


@pytest.mark.slow
def test_nothing_large_or_binary_is_in_a_plain_commit(hub):
    list(publish(plan("tester", (SMALL,), "small-space")))
    assert hub.plain and max(hub.plain.values()) <= PLAIN_LIMIT
    assert (f"tester/{SMALL}", "model.safetensors") in hub.stored


def test_publishing_twice_commits_once(hub):
    uploads = plan("tester", (SMALL,), "")
    first, second = (list(publish(uploads))[0].commit for _ in range(2))
    assert first == second and len(hub.messages) == 1


def test_a_changed_file_is_sent_alone(hub, tmp_path):
    folder = tmp_path / SMALL
    folder.mkdir()
    for file in (WEIGHTS / SMALL).iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    upload = module.Upload(f"tester/{SMALL}", "model", model_files(folder))
    list(publish([upload]))
    sent = len(hub.plain)
    (folder / "history.csv").write_text("epoch\n")
    list(publish([module.Upload(upload.repository, "model", model_files(folder))]))
    assert hub.files(upload.repository)["history.csv"] == b"epoch\n" and len(hub.plain) == sent
    assert len(hub.messages) == 2


def test_shards_become_one_file(tmp_path, monkeypatch):
    model, info = load_model(WEIGHTS / SMALL)
    monkeypatch.setattr("resnet.checkpoint.MAX_SHARD", 300_000)
    save_model(tmp_path, model, info)
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 2
    files = model_files(tmp_path)
    assert sorted(files) == ["config.json", "model.safetensors"]
    whole = tmp_path / "whole"
    whole.mkdir()
    (whole / "model.safetensors").write_bytes(files["model.safetensors"])
    (whole / "config.json").write_bytes(files["config.json"].read_bytes())
    joined = load_model(whole)[0].state_dict()
    assert all(torch.equal(joined[key], value) for key, value in model.state_dict().items())


def test_the_space_names_its_models_and_leaves_the_rest_of_its_card():
    card = RepoCard(space_files(ROOT, ("tester/a", "tester/b"))["README.md"].decode())
    ours = RepoCard((ROOT / "README.md").read_text("utf-8"))
    assert card.data.models == ["tester/a", "tester/b"] and card.text.strip() == ours.text.strip()
    assert {**card.data.to_dict(), "models": None} == {**ours.data.to_dict(), "models": None}


def test_the_space_holds_what_the_page_needs_and_no_more():
    files = space_files(ROOT)
    assert {"README.md", "app.py", "requirements.txt", "LICENSE", f"weights/{SMALL}/model.safetensors"} <= files.keys()
    assert not [name for name in files if name.startswith(("tests/", "benchmarks/", ".")) or "__pycache__" in name]
    assert all(size <= PLAIN_LIMIT for size in module.Upload("a/b", "space", files).sizes().values())


def test_a_dry_run_shows_every_file_and_asks_nobody(hub, capsys):
    assert main(["publish", "--owner", "tester", "--dry-run", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["repository"] for one in told] == [f"tester/{name}" for name in bundled()] + ["tester/resnet-space"]
    for upload, one in zip(plan("tester"), told, strict=True):
        assert one["files"] == upload.sizes()
    assert main(["publish", "--owner", "tester", "--models", SMALL, "--space", "", "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    files = len(list((WEIGHTS / SMALL).iterdir()))
    assert lines[0].startswith(f"model tester/{SMALL}: {files} files") and len(lines) == 1 + files
    assert not hub.hub.requests


def test_the_command_tells_where_things_went(hub, capsys):
    assert main(["publish", "--models", SMALL, "--space", ""]) == 0  # the owner is the token's
    assert f"/tester/{SMALL}" in capsys.readouterr().out


@pytest.fixture
def folder(tmp_path):
    """A net of one's own that timm has, too."""
    return saved(tmp_path / "my-net", NETS["resnet10t"])


def test_a_net_of_ones_own_is_published_privately_and_loads_by_timm_and_here(hub, folder, capsys):
    import timm

    assert main(["publish", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["repository"] == "tester/my-net"
    assert hub.created["models", "tester/my-net"]["visibility"] == "private"
    net, ours, again = timm.create_model("hf_hub:tester/my-net", pretrained=True).eval(), load(str(folder)), load(
        "tester/my-net")
    x = noise(ours.info.architecture)
    with torch.inference_mode():
        assert same(net(x), ours.model(x)) and same(again.model(x), ours.model(x))
    assert again.info.labels == ours.info.labels == tuple(net.pretrained_cfg["label_names"])
    assert (again.info.mean, again.info.data) == (ours.info.mean, "./colours")


def test_public_is_said(hub, folder):
    assert main(["publish", str(folder), "--public", "--name", "shown", "--owner", "tutors"]) == 0
    assert hub.created["models", "tutors/shown"]["visibility"] == "public"


def test_a_dry_run_needs_no_token(hub, folder, monkeypatch, capsys):
    monkeypatch.setenv("HF_TOKEN", "")
    for name in (".env", "passwords.txt", "model.safetensors.7.partial"):
        (folder / name).write_text("not for others")
    assert main(["publish", str(folder), "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("model OWNER/my-net: 2 files")
    assert main(["publish", "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[-1]["repository"] == "OWNER/resnet-space"
    assert not hub.hub.requests


def test_what_is_not_finished_or_sound_is_not_published(hub, folder, tmp_path, capsys):
    (folder / "checkpoint.safetensors").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    for arguments, part in (([folder], "not ended"), ([tmp_path / "empty"], "model.safetensors"),
                            ([tmp_path / "nowhere"], "nowhere"), ([folder, "--name", "a b"], "a b")):
        assert main(["publish", *map(str, arguments)]) == 2
        assert part in capsys.readouterr().err
        (folder / "checkpoint.safetensors").unlink(missing_ok=True)
    assert not hub.messages


@pytest.mark.parametrize("arguments, part", [
    (["--models", "zebra", "--owner", "tester"], "zebra"), (["--owner", "../x"], "../x"),
    (["--owner", "stranger", "--models", SMALL], "rights"), (["--owner", "tester", "--space", "a b"], "a b"),
])
def test_what_cannot_be_published_is_told_in_a_sentence(hub, arguments, part, capsys):
    assert main(["publish", *arguments]) == 2
    told = capsys.readouterr().err
    assert part in told and told.count("\n") == 1 and not hub.messages


def test_without_a_token_nothing_is_asked(hub, monkeypatch, capsys):
    monkeypatch.setenv("HF_TOKEN", "")
    for arguments in (["publish"], ["publish", "--owner", "tester"]):
        assert main(arguments) == 2
        assert "hf auth login" in capsys.readouterr().err
    assert not hub.hub.requests


def test_a_hub_that_fails_half_way_is_a_sentence(hub):
    hub.limit = 500  # plain files are too large all of a sudden
    hub.hub.routes.insert(0, next(r for r in hub.hub.routes if "preupload" in r[1].pattern)[:2] + (
        lambda match, body: (200, {"files": [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False,
                                              "oid": None} for f in json.loads(body)["files"]]}),))
    with pytest.raises(InputError, match="too large for a plain commit"):
        list(publish(plan("tester", (SMALL,), "")))

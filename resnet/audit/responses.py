"""Panel 3: the mean responses from responses.csv, or measured live; both again on fewer images."""

import os
from collections.abc import Iterator

from resnet.audit.checks import Audit, Figure, drawing, exactly, mean, rows, said, words
from resnet.hub.load import bundled, load
from resnet.lab.images import images_for
from resnet.lab.responses import FILE, deviations, nets
from resnet.lab.twins import ships
from resnet.ui.compare.responses import PANEL

FEW = 100  # images
WITHIN = 0.05  # of the value: a deviation over a hundred images and thousands of places


def audits() -> Iterator[Audit]:
    for data, names in nets().items():
        shown = drawing(PANEL, data=data)
        means = dict(part.rsplit(" ", 1) for part in said(shown.told, "compare.responses.means")["means"].split("; "))
        figures = [_mean(name, means[bundled()[name].title]) for name in names]
        yield Audit(f"responses, {data}", (shown.told,), (*figures, _images(words((shown.html or [""])[0]), names[0])),
                    frozenset({"7", "1"}))


def _images(told: str, name: str) -> Figure:
    if ships(bundled()[name].data):
        return exactly("images", said(told, "compare.responses.live")["n"], PANEL.view().items)
    return exactly("images", said(told, "compare.responses.recorded")["n"], f"{int(rows(name, FILE)[0]['n']):,}")


def _mean(name: str, shown: str) -> Figure:
    data = bundled()[name].data
    recorded = "" if ships(data) else f"{mean(float(row['deviation']) for row in rows(name, FILE)):.3g}"
    fresh = None
    if ships(data) or os.environ.get("RESNET_DATA"):
        loaded = load(name)
        fresh = mean(deviations(loaded.model, images_for(loaded.info, "test", FEW)).values())
    return Figure(f"{bundled()[name].title}, mean response", shown, recorded, fresh, WITHIN * float(shown), FEW)

"""Panel 3: the mean responses from responses.csv, or measured live; both again on fewer images."""

import os
from collections.abc import Iterator

from resnet.audit.checks import Audit, Figure, drawing, mean, rows, said
from resnet.hub.load import bundled, load
from resnet.lab.images import images_for
from resnet.lab.responses import deviations, nets
from resnet.lab.twins import ships
from resnet.ui.compare.responses import PANEL

FEW = 100  # images
WITHIN = 0.05  # of the value: a deviation over a hundred images and thousands of places


def audits() -> Iterator[Audit]:
    for data, names in nets().items():
        lead = drawing(PANEL, data=data).lead
        means = dict(part.rsplit(" ", 1) for part in said(lead, "compare.responses.lead")["means"].split("; "))
        yield Audit(f"responses, {data}", (lead,), tuple(_mean(name, means[bundled()[name].title]) for name in names),
                    frozenset({"7", "1"}))


def _mean(name: str, shown: str) -> Figure:
    data = bundled()[name].data
    recorded = "" if ships(data) else f"{mean(float(row['deviation']) for row in rows(name, 'responses.csv')):.3g}"
    fresh = None
    if ships(data) or os.environ.get("RESNET_DATA"):
        loaded = load(name)
        fresh = mean(deviations(loaded.model, images_for(loaded.info, "test", FEW)).values())
    return Figure(f"{bundled()[name].title}, mean response", shown, recorded, fresh, WITHIN * float(shown), FEW)

"""Panel 6: our runs of the five orders, from their histories."""

from collections.abc import Iterator

from resnet.audit.checks import Audit, config, drawing, exactly, mean, rows_of, said
from resnet.hub.ref import WEIGHTS
from resnet.ui.compare.orders import PANEL
from resnet.ui.compare.orders_summary import label

FOLDERS = {"original": "resnet20_cifar10_8epochs"} | {
    order: f"resnet20_cifar10_{order}" for order in ("bn_after_add", "relu_before_add", "relu_preact", "preact")}


def audits() -> Iterator[Audit]:
    lead = drawing(PANEL).lead
    found = said(lead, *(f"compare.orders.{key}" for key in ("too_shallow", "apart", "one_seed")))
    errors = {order: [float(rows_of(file)[-1]["test_error"])
                      for file in WEIGHTS.glob(f"runs/{folder}_seed*/history.csv")]
              for order, folder in FOLDERS.items()}
    ordered = sorted(errors, key=lambda order: mean(errors[order]))
    epochs = config(f"runs/{FOLDERS['original']}_seed0")["recipe"]["epochs"]
    spread = max(max(seeds) - min(seeds) for seeds in errors.values())
    figures = [exactly("epochs", found["epochs"], epochs),
               exactly("seeds apart, points", found["spread"], f"{spread:.2f}")]
    for key, order in (("best", ordered[0]), ("worst", ordered[-1])):
        figures += [exactly(key, found[key], label("orders", order, "en")),
                    exactly(f"{key}, test error, %", found[f"{key}_error"], f"{mean(errors[order]):.2f}")]
    yield Audit("orders", (lead,), tuple(figures), frozenset({"110", "164", "20"}))

"""Panel 6: our runs of the five orders, from their histories."""

from collections.abc import Iterator

from resnet.audit.checks import Audit, Figure, config, drawing, exactly, mean, rows_of, said, words
from resnet.hub.ref import WEIGHTS
from resnet.ui.compare.orders import PANEL
from resnet.ui.compare.orders_summary import label

FOLDERS = {"original": "resnet20_cifar10_8epochs"} | {
    order: f"resnet20_cifar10_{order}" for order in ("bn_after_add", "relu_before_add", "relu_preact", "preact")}

# ResNet-110 in He et al. 2016, Table 2 and Table 1.
PRINTED = {"orders": {"original": 6.61, "bn_after_add": 8.17, "relu_before_add": 7.84, "relu_preact": 6.71,
                      "preact": 6.37},
           "shortcuts": {"identity": 6.61, "scaled_half": 12.35, "exclusive_gate": 8.70, "shortcut_gate_0": 12.86,
                         "shortcut_gate_6": 6.91, "convolution": 12.22}}


def audits() -> Iterator[Audit]:
    shown = drawing(PANEL)
    errors = {order: [float(rows_of(file)[-1]["test_error"])
                      for file in WEIGHTS.glob(f"runs/{folder}_seed*/history.csv")]
              for order, folder in FOLDERS.items()}
    epochs = config(f"runs/{FOLDERS['original']}_seed0")["recipe"]["epochs"]
    figures = (*_ranks(shown.told, errors, epochs), *_source(words((shown.html or [""])[0]), errors, epochs))
    yield Audit("orders", (shown.told,), (*_published(shown.told, "orders"), *figures), frozenset({"110", "20"}))
    told = drawing(PANEL, show="shortcuts").told
    constants = frozenset({"0", "0.5", "6", "110"})  # the last one's depth; else parts of names
    yield Audit("orders, shortcuts", (told,), tuple(_published(told, "shortcuts")), constants)


def _published(lead: str, show: str) -> Iterator[Figure]:
    """The clear shortcut's error, and the best and the worst of the others."""
    found = said(lead, "compare.orders.numbers")
    printed = {label(show, name, "en"): error for name, error in PRINTED[show].items()}
    for place in ("clear", "next", "last"):
        yield exactly(f"published, {found[place]}, %", found[f"{place}_error"], f"{printed[found[place]]:.2f}")


def _ranks(lead: str, errors: dict[str, list[float]], epochs: int) -> Iterator[Figure]:
    found = said(lead, *(f"compare.orders.{key}" for key in ("too_shallow", "apart", "one_seed")))
    ordered = sorted(errors, key=lambda order: mean(errors[order]))
    spread = max(max(seeds) - min(seeds) for seeds in errors.values())
    yield exactly("epochs", found["epochs"], epochs)
    yield exactly("seeds apart, points", found["spread"], f"{spread:.2f}")
    for key, order in (("best", ordered[0]), ("worst", ordered[-1])):
        yield exactly(key, found[key], label("orders", order, "en"))
        yield exactly(f"{key}, test error, %", found[f"{key}_error"], f"{mean(errors[order]):.2f}")


def _source(told: str, errors: dict[str, list[float]], epochs: int) -> Iterator[Figure]:
    found, counts = said(told, "compare.orders.source_ours"), sorted({len(seeds) for seeds in errors.values()})
    yield exactly("source: epochs", found["epochs"], epochs)
    yield exactly("source: seeds", found["seeds"], "–".join(map(str, counts)))

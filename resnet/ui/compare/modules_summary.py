"""Other blocks in words: the sentence of what to see, the maps, the source line, the tables and the files."""

from functools import lru_cache

from resnet.papers.modules import CARDINALITIES, FACTORISED, INCEPTION_3A, Cardinality
from resnet.papers.released import released
from resnet.papers.tables import XIE2017
from resnet.tracing.block_diagram import block_map
from resnet.tracing.branches import branches_map, trace_branches
from resnet.tracing.records import Block, Trace
from resnet.tracing.trace import trace
from resnet.ui.compare.frame import below_html, maps, numbers_table
from resnet.util.csv import csv_text
from resnet.util.numbers import by, short
from resnet.util.text import text

SHOWS = ("inception", "cardinality", "factorised")
BESIDE = {"resnet34": "layer2.1", "resnet50": "layer2.1"}  # residual blocks on the same 28x28 map
CHANNELS, SIDE = 192, 17  # of the factorised windows' costs: as in Inception-v3's middle


@lru_cache(maxsize=16)
def traced(row: Cardinality) -> Trace:
    """The net of a row of Table 3, by our trace."""
    return trace(f"resnet{row.depth}", groups=row.groups, width_per_group=row.width)


def residual_blocks() -> dict[str, tuple[Trace, Block]]:
    """The blocks that stand beside Inception's module: by variant, the trace and the block."""
    found = {}
    for variant, name in BESIDE.items():
        result = trace(variant)
        found[variant] = result, next(block for block in result.blocks if block.name == name)
    return found


def said(show: str, lang: str) -> tuple[str, str]:
    """What to see, and the numbers."""
    return {"inception": _inception, "cardinality": _cardinality, "factorised": _factorised}[show](lang)


def _inception(lang: str) -> tuple[str, str]:
    basic, bottleneck = (short(block.macs) for _, block in residual_blocks().values())
    return _say("lead_inception", lang), _say("numbers_inception", lang, inception=short(_sum("macs")), basic=basic,
                                              bottleneck=bottleneck)


def _cardinality(lang: str) -> tuple[str, str]:
    rows = [row for row in CARDINALITIES if row.depth == 50]
    costs = sorted(traced(row).macs / 1e9 for row in rows)
    pays = "pay" if rows[-1].error < rows[0].error else "do_not_pay"
    return _say(f"groups_{pays}", lang), _say(
        "numbers_cardinality", lang, first=f"{rows[0].error:.1f}", last=f"{rows[-1].error:.1f}",
        before=f"{rows[-2].error:.1f}", low=f"{costs[0]:.2f}", high=f"{costs[-1]:.2f}")


def _factorised(lang: str) -> tuple[str, str]:
    left = {(row.window, row.parts[0]): f"{100 * row.left:.0f}" for row in FACTORISED}
    return _say("lead_factorised", lang), _say("numbers_factorised", lang, two=left[(5, 5), (3, 3)],
                                               three=left[(3, 3), (1, 3)], seven=left[(7, 7), (1, 7)])


def _sum(quantity: str) -> int:
    return sum(getattr(layer, quantity) for branch in trace_branches(INCEPTION_3A) for layer in branch)


def maps_html(lang: str) -> str:
    """Inception's module over the two residual blocks, each drawn from its trace."""
    return maps({_say("of_googlenet", lang, module=INCEPTION_3A.name): branches_map(INCEPTION_3A, lang)} | {
        _say("of_resnet", lang, depth=result.config.depth, block=block.name): block_map(result, block.name, lang)
        for result, block in residual_blocks().values()})


def below(show: str, lang: str) -> str:
    """The source line, the numbers as a table and as a file."""
    columns, rows = {"inception": _inception_rows, "cardinality": _cardinality_rows,
                     "factorised": _factorised_rows}[show](lang)
    heads = [text(f"compare.modules.columns.{column}", lang) for column in columns]
    return below_html(_say(f"source_{show}", lang, **_sources(show)),
                      numbers_table(heads, rows, text("compare.panels.modules", lang)),
                      (f"modules-{show}.csv", csv_text(columns, rows)), lang)


def _sources(show: str) -> dict[str, str]:
    nets = {entry.name: f"{entry.accuracy:.1f}" for entry in released("V1")}
    return {"inception": {"cite": INCEPTION_3A.source, "googlenet": nets["Inception-v1"], "resnet": nets["ResNet-18"]},
            "cardinality": {"cite": f"{XIE2017}, Table 3"},
            "factorised": {"cite": FACTORISED[0].source.rpartition(",")[0], "channels": str(CHANNELS),
                           "side": str(SIDE)}}[show]


def _inception_rows(lang: str) -> tuple[tuple[str, ...], list[list]]:
    branches = trace_branches(INCEPTION_3A)
    joined = (sum(branch[-1].output[1] for branch in branches), *branches[0][-1].output[2:])
    rows = [[INCEPTION_3A.name, by(branches[0][0].input[1:]), by(joined), f"{_sum('params'):,}", f"{_sum('macs'):,}"]]
    rows += [[f"ResNet-{result.config.depth}, {block.name}", by(block.input[1:]), by(block.output[1:]),
              f"{_weights(block):,}", f"{block.macs:,}"] for result, block in residual_blocks().values()]
    return ("module", "input", "output", "weights", "macs"), rows


def _weights(block: Block) -> int:
    return sum(layer.params for layer in block.layers if layer.type == "Conv2d")


def _cardinality_rows(lang: str) -> tuple[tuple[str, ...], list[list]]:
    rows = [[f"{row.depth}", f"{row.groups}×{row.width}d", f"{row.error:.1f}", f"{traced(row).macs / 1e9:.3f}",
             f"{traced(row).params / 1e6:.2f}"] for row in CARDINALITIES]
    return ("depth", "setting", "error", "gmacs", "mparams"), rows


def _factorised_rows(lang: str) -> tuple[tuple[str, ...], list[list]]:
    from resnet.charts.modules import named

    unit = SIDE * SIDE * CHANNELS * CHANNELS
    rows = [[named(row), f"{unit * row.window[0] * row.window[1]:,}",
             f"{round(unit * row.window[0] * row.window[1] * row.left):,}", f"{100 * (1 - row.left):.0f}",
             "" if row.saves is None else str(row.saves)] for row in FACTORISED]
    return ("replaced", "before", "after", "saves", "printed"), rows


def _say(key: str, lang: str, **values: object) -> str:
    return text(f"compare.modules.{key}", lang, **values)

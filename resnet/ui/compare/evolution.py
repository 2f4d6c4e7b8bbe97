"""What became of ResNet? Its changes from 2015 to 2021 one at a time: what each costs, and its published effect."""

from dataclasses import dataclass

from resnet.papers.evolution import EVOLUTION, Change
from resnet.tracing.diagram import network_map
from resnet.tracing.records import Block, Trace
from resnet.tracing.trace import trace
from resnet.ui.compare.frame import below_html, numbers_table
from resnet.ui.compare.layout import Drawing, Html, Knobs, Result, panel
from resnet.ui.page.sharing import View
from resnet.util.csv import csv_text
from resnet.util.fields import option
from resnet.util.html import escape
from resnet.util.numbers import short, signed, significant
from resnet.util.text import text

STEPS = {change.key: change for change in EVOLUTION}
COLUMNS = ("change", "year", "params", "params_more", "macs", "macs_more", "accuracy", "source")


@dataclass(frozen=True)
class EvolutionView(View):
    """step is a change of EVOLUTION."""

    step: str = option("d", choices=tuple(STEPS), label="compare.evolution.step", titles=True)


def draw(view: EvolutionView, lang: str) -> Drawing:
    """The net at a step, with the blocks marked that the step changes, and all steps in a table."""
    change = STEPS[view.step]
    now, before = net(change), net(STEPS[change.after or change.key])
    marked = frozenset(block.name for old, block in zip(before.blocks, now.blocks, strict=True)
                       if _operations(old) != _operations(block))
    told = f'<p class="note">{escape(text("difference.marked", lang))}</p>' if marked else ""
    picture = f'<div class="scroll map" tabindex="0">{network_map(now, lang, marked=marked)}</div>{told}'
    return Drawing(verdict(lang), html=[picture, below(lang)], numbers=numbers(change, lang))


def _operations(block: Block) -> list[tuple]:
    """What a block does, whatever its layers are called."""
    return [(layer.type, layer.input, layer.output, layer.kernel, layer.stride) for layer in block.layers]


def net(change: Change) -> Trace:
    """The net of a step."""
    return trace("resnet50", **change.settings)


def numbers(change: Change, lang: str) -> str:
    """What the step changes, what that costs by our trace, what was published of it; and the best of all."""
    now, before = net(change), net(STEPS[change.after or change.key])
    cost = {"params": signed(now.params - before.params), "macs": signed(now.macs - before.macs)}
    free = (now.params, now.macs) == (before.params, before.macs)
    same = "same" if now.layers == before.layers else "free" if free else "costs"
    costs = same if change.after else "first"
    published = "without" if change.accuracy is None else "published"
    return " ".join((
        text(f"compare.evolution.about.{change.key}", lang),
        text(f"compare.evolution.{costs}", lang, **cost),
        text(f"compare.evolution.{published}", lang, accuracy=change.accuracy, source=change.source),
        text("compare.evolution.gains", lang, **{
            name: signed(gain, significant) for name, gain in gains().items()})))


def verdict(lang: str, steps: "tuple[Change, ...]" = EVOLUTION) -> str:
    """Whether the best published figure of an unchanged net is above all of changed ones."""
    found = gains(steps)
    return text(f"compare.evolution.{'recipe' if found['recipe'] > found['built'] else 'built'}", lang)


def gains(steps: "tuple[Change, ...]" = EVOLUTION) -> dict[str, float]:
    """Points of accuracy above the first step's, of the best by a recipe alone and of the best changed net."""
    first, *others = (step for step in steps if step.accuracy is not None)
    recipe, built = (max((step for step in others if bool(step.settings) == changed), key=_accuracy)
                     for changed in (False, True))
    return {name: _accuracy(step) - _accuracy(first) for name, step in (("recipe", recipe), ("built", built))}


def _accuracy(step: Change) -> float:
    return step.accuracy or 0.0


def below(lang: str) -> str:
    """The steps as a table, the source line, and the steps with each figure's source, as a table and as a file."""
    rows = [_row(change, lang) for change in EVOLUTION]
    heads = [text(f"compare.evolution.columns.{column}", lang) for column in COLUMNS]
    shown = [[name, str(year), short(params), signed(more), short(macs), signed(dearer),
              f"{accuracy:g}" if accuracy else "–", source]
             for name, year, params, more, macs, dearer, accuracy, source in rows]
    short_table, table = (numbers_table(heads[:n], [row[:n] for row in shown], text("compare.panels.evolution", lang))
                          for n in (len(heads) - 1, len(heads)))
    file = ("evolution.csv", csv_text(COLUMNS, rows))
    return short_table + below_html(text("compare.evolution.source", lang), table, file, lang)


def _row(change: Change, lang: str) -> list:
    now, before = net(change), net(STEPS[change.after or change.key])
    return [text(f"compare.evolution.step_{change.key}", lang), change.year, now.params, now.params - before.params,
            now.macs, now.macs - before.macs, change.accuracy, change.source]


PANEL = panel("evolution", EvolutionView, draw, Result(Html(), Knobs("step"), Html()))

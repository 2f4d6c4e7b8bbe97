"""The arms in words: which train, what the shortcut, the zero, the norm and the start each do, source, table, file."""

from collections.abc import Iterable, Sequence

from resnet.lab.ablation import ARMS, DEPTHS, KINDS, SEEDS, WIDTH, Arm
from resnet.lab.ablation_log import CHANCE, LAST, LATELY, LEARNS, Best, Outcome, Trial, deepest
from resnet.lab.race import BATCH
from resnet.ui.compare.frame import below_html, numbers_table
from resnet.util.csv import csv_text, records_csv
from resnet.util.fields import hints
from resnet.util.html import escape
from resnet.util.numbers import machine, significant
from resnet.util.text import text

Found = dict[tuple[Arm, int], Best]
DEEP = DEPTHS[-1]
ZERO = ("skipinit", "fixup")  # starts at which a branch gives nothing
COLUMNS = ("net", "depth", "lr", "lowest", "highest")
LIVE_COLUMNS = ("net", "loss")


def lead(found: Found, lang: str) -> str:
    """What lets the deepest nets train: a branch that starts at zero on a shortcut, a norm, or something else."""
    training = _training(found)
    zero = bool(training[False]) and all(arm.shortcut and arm.start in ZERO for arm in training[False])
    plain = any(not arm.shortcut and arm.start == "he" for arm in training[True])
    return text(f"compare.ablation.lead_{'zero' if zero and plain else 'other'}", lang, depth=DEEP, kinds=len(KINDS),
                without=len(training[False]), norm=len(training[True]))


def _training(found: Found) -> dict[bool, list[Arm]]:
    """The arms whose deepest nets train, without batch norm and with it."""
    return {norm: [arm for arm in ARMS if arm.norm == norm and found[arm, DEEP].trains] for norm in (False, True)}


def numbers(found: Found, lang: str) -> str:
    """Which of the deepest nets train, and the best with a shortcut against the best without."""
    training = {norm: [arm_name(arm, lang) for arm in arms] for norm, arms in _training(found).items()}
    without, shortcut = (_lowest(found, [arm for arm in ARMS if arm.shortcut == one]) for one in (False, True))
    return text("compare.ablation.numbers", lang, depth=DEEP, without=_listed(training[False], lang),
                norm=_listed(training[True], lang), plain=arm_name(without.arm, lang), plain_loss=_loss(without, lang),
                residual=arm_name(shortcut.arm, lang), residual_loss=_loss(shortcut, lang),
                comparison=_compared(shortcut, without, lang))


def findings_html(found: Found, lang: str) -> str:
    """What each of the four does by itself, computed from the record."""
    plain, dirac, linear, _, residual, *_ = (found[arm, DEEP] for arm in ARMS if arm.norm)
    started = min(dirac, linear, key=lambda one: max(one.losses))
    values = {f"{kind}{'_norm' if norm else ''}": _reach(found, kind, norm, lang)
              for kind in KINDS for norm in (False, True)}
    values |= {"depth": DEEP, "plain_loss": _loss(plain, lang), "residual_loss": _loss(residual, lang),
               "against_plain": _compared(residual, plain, lang), "started": arm_name(started.arm, lang),
               "started_loss": _loss(started, lang), "against_started": _compared(residual, started, lang)}
    items = "".join(f"<li><b>{escape(text(f'compare.ablation.about_{one}', lang))}</b> "
                    f"{escape(text(f'compare.ablation.finding_{one}', lang, **values))}</li>"
                    for one in ("shortcut", "zero", "norm", "start"))
    return f'<ul class="claims">{items}</ul>'


def below(found: Found, outcomes: Sequence[Outcome], lang: str) -> str:
    """The source line, each arm at its best rate as a table, every net as a file."""
    rows = [[arm_name(one.arm, lang), one.depth, f"{one.lr:g}", _cell(min(one.losses), lang),
             _cell(max(one.losses), lang)] for one in found.values()]
    rates = sorted({one.lr for one in outcomes}, reverse=True)
    source = text("compare.ablation.source", lang, batch=BATCH, width=WIDTH, steps=outcomes[0].steps, last=LAST,
                  rates=", ".join(f"{rate:g}" for rate in rates), seeds=", ".join(map(str, SEEDS)),
                  learns=significant(LEARNS), chance=significant(CHANCE), hardware=machine(outcomes[0].hardware, lang))
    columns = [text(f"compare.ablation.columns.{name}", lang) for name in COLUMNS]
    table = numbers_table(columns, rows, text("compare.ablation.alt", lang))
    return below_html(source, table, ("ablation.csv", records_csv(tuple(hints(Outcome)), outcomes, digits=6)), lang)


def live_below(trial: Trial, lang: str) -> str:
    """The same of nets that train while one watches."""
    rows = [[arm_name(arm, lang), _cell(trial.lately(arm), lang)] for arm in trial.losses]
    columns = [text(f"compare.ablation.columns.{name}", lang) for name in LIVE_COLUMNS]
    losses = ((arm.kind, arm.norm, step, loss) for arm, series in trial.losses.items()
              for step, loss in enumerate(series, 1))
    file = csv_text(("net", "norm", "step", "loss"), losses, digits=6)
    source = text("compare.ablation.live_source", lang, batch=BATCH, width=WIDTH, lately=LATELY)
    return below_html(source, numbers_table(columns, rows, text("compare.ablation.alt", lang)),
                      ("ablation-live.csv", file), lang)


def arm_name(arm: Arm, lang: str) -> str:
    kind = text(f"compare.ablation.kind_{arm.kind}", lang)
    return text("compare.ablation.named_norm", lang, kind=kind) if arm.norm else kind


def _lowest(found: Found, arms: Iterable[Arm]) -> Best:
    """Of the deepest nets, the one whose worst seed is best."""
    return min((found[arm, DEEP] for arm in arms), key=lambda one: max(one.losses))


def _listed(names: list[str], lang: str) -> str:
    return text("compare.comma", lang).join(names) or text("compare.ablation.none", lang)


def _reach(found: Found, kind: str, norm: bool, lang: str) -> str:
    """How deep an arm trains, in words."""
    shortcut, start = KINDS[kind]
    reached = deepest(found, Arm(shortcut, norm, start))
    return text("compare.ablation.up_to", lang, depth=reached) if reached else text("compare.ablation.nowhere", lang)


def _loss(one: Best, lang: str) -> str:
    """The seeds' range."""
    low, high = (_cell(loss, lang) for loss in (min(one.losses), max(one.losses)))
    return low if low == high else f"{low}–{high}"


def _cell(loss: float, lang: str) -> str:
    return significant(loss) if loss < 1e4 else text("compare.ablation.ran_away", lang)


def _compared(one: Best, other: Best, lang: str) -> str:
    """Whether all seeds agree on which ends lower."""
    how = "lower" if one.below(other) else "higher" if other.below(one) else "alike"
    return text(f"compare.ablation.compared_{how}", lang, n=len(one.losses), one=arm_name(one.arm, lang),
                other=arm_name(other.arm, lang))

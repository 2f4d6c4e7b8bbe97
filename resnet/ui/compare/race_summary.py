"""A race in words: how it ended, the source line, the table and the file."""

from resnet.config import net_title
from resnet.lab.race import RaceSettings
from resnet.lab.race_log import Race, recorded, to_csv
from resnet.ui.compare.frame import below_html, numbers_table
from resnet.ui.compare.layout import Progress
from resnet.util.numbers import machine
from resnet.util.text import text

ALIKE = 0.95  # of the larger loss: above it nobody is ahead
COLUMNS = ("iteration", "plain_loss", "residual_loss", "plain_test", "residual_test")


def progress(race: Race, lang: str) -> Progress:
    """How far a race is."""
    last = race.laps[-1] if race.laps else None
    whole = race.settings.seconds
    seconds = min(last.elapsed, whole) if last else 0
    told = text("compare.race.progress", lang, iteration=f"{last.iteration if last else 0:,}", seconds=f"{seconds:.0f}",
                whole=whole)
    return Progress(told, seconds / whole)


def below(race: Race, lang: str) -> str:
    """The source line, the losses at every epoch's end as a table, all as a file; "" before the first iteration."""
    if not race.laps:
        return ""
    name = f"race-{race.settings.depth}-seed{race.settings.seed}.csv"
    return below_html(_source(race, lang), _table(race, lang), (name, to_csv(race)), lang)


def lead(race: Race, lang: str) -> str:
    """Who learned faster."""
    if not race.laps:
        return text("compare.race.nothing", lang)
    losses = {_title(race, plain): race.losses(plain)[-1] for plain in (True, False) if not race.lost_at(plain)}
    if len(losses) < 2:
        return text("compare.race.ran_away", lang, nets=text("compare.comma", lang).join(
            title for plain in (True, False) if (title := _title(race, plain)) not in losses))
    ahead, behind = sorted(losses, key=losses.__getitem__)
    alike = losses[ahead] > ALIKE * losses[behind]
    return text(f"compare.race.{'alike' if alike else 'ahead'}", lang, ahead=ahead, behind=behind)


def numbers(race: Race, asked: RaceSettings, lang: str) -> str:
    """How the race ended; and what is to be done about settings that are not its own."""
    recording = text("compare.race.recorded", lang) if race == recorded() else ""
    changed = text("compare.race.changed", lang) if asked != race.settings else ""
    return " ".join(filter(None, (verdict(race, lang) if race.laps else "", recording, changed)))


def verdict(race: Race, lang: str) -> str:
    """The losses and errors at the end."""
    last, tests = race.laps[-1], race.tests[-1:]
    sentence = text("compare.race.verdict", lang, iterations=f"{last.iteration:,}", seconds=f"{last.elapsed:.0f}",
                    plain=_title(race, True), plain_loss=_final(race, True, lang),
                    residual=_title(race, False), residual_loss=_final(race, False, lang))
    if not tests or tests[0].plain_test is None or tests[0].residual_test is None:
        return sentence
    return f"{sentence} " + text("compare.race.test", lang, plain=f"{tests[0].plain_test:.3g}",
                                 residual=f"{tests[0].residual_test:.3g}")


def _final(race: Race, plain: bool, lang: str) -> str:
    lost = race.lost_at(plain)
    return text("compare.race.lost", lang, iteration=lost) if lost else f"{race.losses(plain)[-1]:.3g}"


def _title(race: Race, plain: bool) -> str:
    return net_title(plain, race.settings.depth)


def _source(race: Race, lang: str) -> str:
    settings = race.settings
    return text("compare.race.source", lang, width=settings.width, lr=settings.lr, seed=settings.seed,
                norm=text(f"compare.race.with_norm_{'on' if settings.norm else 'off'}", lang),
                hardware=machine(race.hardware, lang))


def _table(race: Race, lang: str) -> str:
    """A row at every epoch's end, and the last iteration's."""
    losses = {plain: race.losses(plain) for plain in (True, False)}
    laps = dict.fromkeys([*race.tests, race.laps[-1]])
    rows = [[lap.iteration, losses[True][lap.iteration - 1], losses[False][lap.iteration - 1],
             *("" if test is None else test for test in (lap.plain_test, lap.residual_test))] for lap in laps]
    return numbers_table([text(f"compare.race.columns.{column}", lang) for column in COLUMNS], rows,
                         text("compare.race.alt", lang))

"""A race in words: how it ended, the source line, the table and the file."""

from resnet.config import net_title
from resnet.lab.race import RaceSettings
from resnet.lab.race_log import Race, recorded, to_csv
from resnet.ui.compare.frame import below_html, numbers_table
from resnet.util.html import escape
from resnet.util.numbers import machine
from resnet.util.text import text

COLUMNS = ("iteration", "plain_loss", "residual_loss", "plain_test", "residual_test")


def progress_html(race: Race, lang: str) -> str:
    """How far a race is."""
    last = race.laps[-1] if race.laps else None
    seconds = min(last.elapsed, race.settings.seconds) if last else 0
    done = text("compare.race.progress", lang, iteration=f"{last.iteration if last else 0:,}", seconds=f"{seconds:.0f}",
                whole=race.settings.seconds)
    bar = f'<progress max="{race.settings.seconds}" value="{seconds:.1f}"></progress>'
    return f'<p class="race-progress" role="status">{bar} {escape(done)}</p>'


def below(race: Race, lang: str) -> str:
    """The source line, the losses at every epoch's end as a table, all as a file; "" before the first iteration."""
    if not race.laps:
        return ""
    name = f"race-{race.settings.depth}-seed{race.settings.seed}.csv"
    return below_html(_source(race, lang), _table(race, lang), (name, to_csv(race)), lang)


def lead(race: Race, asked: RaceSettings, lang: str) -> str:
    """What the race showed; and what is to be done about settings that are not its own."""
    recording = text("compare.race.recorded", lang) if race == recorded() else ""
    changed = text("compare.race.changed", lang) if asked != race.settings else ""
    return " ".join(filter(None, (recording, verdict(race, lang), changed)))


def verdict(race: Race, lang: str) -> str:
    if not race.laps:
        return text("compare.race.nothing", lang)
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

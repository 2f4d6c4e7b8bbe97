"""Numbers, and the machine that they were measured on, as the page prints them."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from resnet.util.text import text

SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def short(count: float) -> str:
    """ 4089184256 -> "4.089 G"; below a thousand the number itself."""
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.4g} {letter}"
    return f"{count:g}"


def size(count: float) -> str:
    """Bytes in powers of ten, three significant digits: 9633792 -> "9.63 MB"."""
    for unit, letters in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= unit:
            return f"{count / unit:.3g} {letters}"
    return f"{count} B"


def by(shape: Sequence[int], sign: str = "×") -> str:
    """(64, 56, 56) -> "64×56×56"."""
    return sign.join(map(str, shape))


def significant(value: float, digits: int = 3) -> str:
    """The leading digits: 0.012345 -> "0.0123", 12.345 -> "12.3"."""
    return f"{value:.{digits}g}"


def readable(value: float) -> str:
    """Three significant digits, as powers of ten from a million on: 14266.2 -> "14,266", 3.5e7 -> "3.50·10⁷"."""
    if abs(value) >= 1e6:
        digits, power = f"{value:.2e}".split("e")
        return f"{digits}·10{str(int(power)).translate(SUPERSCRIPT)}"
    return f"{value:,.0f}" if abs(value) >= 999.5 else significant(value)


def cell(value: Any) -> str:
    """What stands in a table: floats to four digits, all else as it is."""
    return significant(value, 4) if isinstance(value, float) else str(value)


def percent(share: float, decimals: int = 1) -> str:
    """0.1234 -> "12.3 %", with a space that does not break."""
    return f"{100 * share:.{decimals}f}\u00a0%"


def probability(share: float) -> str:
    """A percentage with one decimal, and never a certainty that is not one: 0.99999 -> "> 99.9 %"."""
    return "< 0.1\u00a0%" if share < 0.0005 else percent(share) if share < 0.9995 else "> 99.9\u00a0%"


def points(change: float) -> str:
    """A change of probability in percentage points: 0.0123 -> "+1.2", -0.5 -> "−50.0"."""
    return f"{100 * change:+.1f}".replace("-", "−")


def signed(change: float, shown: Callable[[float], str] = short) -> str:
    """With its sign, and the size as `shown` has it: -4100000 -> "−4.1 M", 0 -> "±0"."""
    return "±0" if change == 0 else f"{'+' if change > 0 else '−'}{shown(abs(change))}"


def machine(recorded: str, lang: str) -> str:
    """A record's hardware (resnet.training.experiment.hardware) in words: "2 threads of AMD EPYC"."""
    parts = re.findall(r"^(?:(\d+) processes, each on )?(?:(\d+) threads? of )?(.*)", recorded, re.DOTALL)
    processes, threads, name = parts[0]
    told = text(f"hardware.thread{'s' if threads != '1' else ''}", lang, n=threads, name=name) if threads else name
    return text("hardware.processes", lang, n=processes, each=told) if processes else told

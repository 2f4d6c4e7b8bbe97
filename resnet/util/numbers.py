"""Numbers, and the machine that they were measured on, as the page prints them."""

import re

from resnet.util.text import text


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


def by(shape: tuple[int, ...], sign: str = "×") -> str:
    """(64, 56, 56) -> "64×56×56"."""
    return sign.join(map(str, shape))


def milliseconds(count: float) -> str:
    """Three significant digits, never as a power: 4.5678 -> "4.57", 4567.8 -> "4,568"."""
    return f"{count:,.0f}" if count >= 999.5 else f"{count:.3g}"


def machine(recorded: str, lang: str) -> str:
    """A record's hardware (resnet.training.experiment.hardware) in words: "2 threads of AMD EPYC"."""
    parts = re.fullmatch(r"(?:(\d+) processes, each on )?(?:(\d+) threads? of )?(.*)", recorded, re.DOTALL)
    processes, threads, name = parts.groups()
    told = text(f"hardware.thread{'s' if threads != '1' else ''}", lang, n=threads, name=name) if threads else name
    return text("hardware.processes", lang, n=processes, each=told) if processes else told

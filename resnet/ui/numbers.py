"""Numbers as the page prints them."""


def short(count: float) -> str:
    """Four significant digits and a letter: 4089184256 -> "4.089 G"."""
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(count) >= size:
            return f"{count / size:.4g} {letter}"
    return f"{count:,}"


def size(count: float) -> str:
    """Bytes in powers of ten, three significant digits: 9633792 -> "9.63 MB"."""
    for unit, letters in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= unit:
            return f"{count / unit:.3g} {letters}"
    return f"{count} B"


def by(shape: tuple[int, ...], sign: str = "×") -> str:
    """(64, 56, 56) -> "64×56×56"."""
    return sign.join(map(str, shape))

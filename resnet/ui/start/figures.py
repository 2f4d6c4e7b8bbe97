"""The scenes' figures: groups of one SVG, of which start.css shows those that the present scene names.

A group's class says in which scenes it stands ("s2 s4"); `--i` numbers what appears one after the other.
"""

from collections.abc import Iterable, Sequence

from resnet.ui.page.language import both
from resnet.ui.start.scenes import Curve, Pulled, curve, pulled
from resnet.util.html import escape

WIDTH, HEIGHT = 760, 540
LEFT, RIGHT, TOP, BOTTOM = 56, 548, 48, 478  # of the curves' plot
EXTRA = 36  # layers that the deeper net has more


def figure_html() -> str:
    """All six, in both languages."""
    groups = (_nested(), _axes(), *_curves(), _block(), _pulled())
    return (f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="start-alt">{"".join(groups)}</svg>'
            f'<span id="start-alt" class="unseen">{both("start.alt")}</span>')


def _group(scenes: str, inside: Iterable[str]) -> str:
    return f'<g class="part {scenes}">{"".join(inside)}</g>'


def _words(x: float, y: float, key: str, kind: str = "", anchor: str = "start", **values: object) -> str:
    """A line of text in both languages."""
    return f'<text x="{x:g}" y="{y:g}" class="{kind}" text-anchor="{anchor}">{_tspans(key, **values)}</text>'


def _tspans(key: str, **values: object) -> str:
    return both(key, **values).replace("<span", "<tspan").replace("</span>", "</tspan>")


# 1: a deeper net can do nothing more, and then answers alike ----------------------------------------


def _nested() -> str:
    """Twenty layers; the same twenty copied, and thirty-six that pass on what they get."""
    left, step, height = 40, 11.6, 84
    top, below = 92, 320

    def layer(i: int, y: float, kind: str) -> str:
        return (f'<rect x="{left + i * step:.1f}" y="{y}" width="7.6" height="{height}" rx="2" class="{kind}" '
                f'style="--i:{i}"/>')

    shallow = [layer(i, top, "layer") for i in range(20)]
    copied = [layer(i, below, "layer copy") for i in range(20)]
    passing = [layer(i, below, "layer passing") for i in range(20, 20 + EXTRA)]
    end = left + 20 * step
    last = left + (20 + EXTRA) * step
    middle = below + height / 2
    wires = [f'<path class="wire" d="M{left - 22} {top + height / 2} H{left - 4} M{end} {top + height / 2} h34"/>',
             f'<path class="wire" d="M{left - 22} {middle} H{left - 4} M{end - 2} {middle} H{last + 20}"/>',
             f'<path class="wire signal" pathLength="1" d="M{end - 2} {middle} H{last + 20}"/>']
    down = [f'<path class="down" d="M{left + i * step + 3.8:.1f} {top + height + 10} V{below - 10}" style="--i:{i}"/>'
            for i in range(0, 20, 3)]
    brace = f'<path class="thin" d="M{end + 1} {below + height + 14} v8 H{last - 5} v-8"/>'
    return _group("s1", (*shallow, *wires, *down, *copied, *passing, brace,
                         _words(left, top - 22, "start.figure.shallow", "strong"),
                         _words(end + 42, top + height / 2 + 5, "start.figure.answer"),
                         _words(left, below - 30, "start.figure.deeper", "strong"),
                         _words(left + 10 * step, below + height + 38, "start.figure.copied", "soft", "middle"),
                         _words((end + last) / 2, below + height + 44, "start.figure.passing", "soft", "middle"),
                         _words(last + 20, below + height + 80, "start.figure.same", "strong", "end")))


# 2 and 4: the curves --------------------------------------------------------------------------------

TALLEST = 80  # per cent: nothing is cut off


def _x(epoch: float, epochs: int) -> float:
    return LEFT + (RIGHT - LEFT) * epoch / epochs


def _y(error: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * error / TALLEST


def _axes() -> str:
    epochs = len(curve(56, True).test)
    ticks = [f'<path class="grid" d="M{LEFT} {_y(error):.1f} H{RIGHT}"/><text x="{LEFT - 10}" y="{_y(error) + 5:.1f}" '
             f'class="soft" text-anchor="end">{error}</text>' for error in range(0, TALLEST + 1, 20)]
    marks = [f'<text x="{_x(epoch, epochs):.1f}" y="{BOTTOM + 24}" class="soft" text-anchor="middle">{epoch}</text>'
             for epoch in range(0, epochs + 1, 20)]
    return _group("s2 s4", (*ticks, *marks, _words(LEFT - 34, TOP - 22, "start.figure.error", "soft"),
                            _words((LEFT + RIGHT) / 2, BOTTOM + 50, "start.figure.epochs", "soft", "middle")))


def _curves() -> list[str]:
    """A line and its name for each net; names at the ends, apart from one another."""
    nets = [curve(20, True), curve(56, True), curve(20, False), curve(56, False)]
    heights = _apart([_y(net.final) for net in nets], 28)
    return [_curve(net, y) for net, y in zip(nets, heights, strict=True)]


def _curve(net: Curve, name_y: float) -> str:
    epochs = len(net.test)
    points = " ".join(f"{_x(i + 1, epochs):.1f},{_y(error):.1f}" for i, error in enumerate(net.test))
    kind = f"{'plain' if net.plain else 'residual'} {'deep' if net.depth > 20 else 'shallow'}"
    return _group("s2 s4" if net.plain else "s4", (
        f'<polyline class="curve {kind}" pathLength="1" points="{points}"/>',
        f'<path class="leader {kind}" d="M{RIGHT + 3} {_y(net.final):.1f} L{RIGHT + 13} {name_y:.1f}"/>',
        f'<text class="name {kind}" x="{RIGHT + 18}" y="{name_y + 5:.1f}">{escape(net.title)} '
        f"{net.final:.1f} %</text>"))


def _apart(heights: Sequence[float], gap: float) -> list[float]:
    """The same heights, pushed apart upwards to at least `gap`, the lowest (largest) staying."""
    placed: dict[float, float] = {}
    last = float("inf")
    for height in sorted(heights, reverse=True):
        last = placed[height] = min(height, last - gap)
    return [placed[height] for height in heights]


# 3: one wire ----------------------------------------------------------------------------------------


def _block() -> str:
    """A basic block (He et al. 2015, figure 2), its shortcut drawn last."""
    middle = 300
    boxes = (("3×3 conv", 130, 96), ("BN", 242, 52), ("ReLU", 310, 64), ("3×3 conv", 390, 96), ("BN", 502, 52))
    drawn = [f'<rect class="box" x="{x}" y="{middle - 27}" width="{width}" height="54" rx="5" style="--i:{i}"/>'
             f'<text x="{x + width / 2}" y="{middle + 6}" text-anchor="middle" class="inside">{name}</text>'
             for i, (name, x, width) in enumerate(boxes)]
    plus = 612
    return _group("s3", (
        f'<path class="wire" d="M46 {middle} H{plus - 16} M{plus + 16} {middle} H736"/>',
        *drawn,
        f'<path class="shortcut" pathLength="1" d="M88 {middle} V158 Q88 138 108 138 H{plus - 20} '
        f'Q{plus} 138 {plus} 158 V{middle - 16}"/>',
        f'<circle class="plus" cx="{plus}" cy="{middle}" r="15"/><path class="plus" d="M{plus - 8} {middle} h16 '
        f'M{plus} {middle - 8} v16"/>',
        f'<circle class="dot branch" r="6" style="offset-path:path(\'M46 {middle} H736\')"/>',
        f'<circle class="dot over" r="6" style="offset-path:path(\'M46 {middle} H88 V138 H{plus} V{middle} H736\')"/>',
        f'<text x="46" y="{middle - 16}" class="math" text-anchor="middle">x</text>',
        '<text x="350" y="126" class="math wired" text-anchor="middle">x</text>',
        _words(350, 98, "start.figure.wire", "wired soft", "middle"),
        f'<text x="342" y="{middle + 66}" class="math" text-anchor="middle">F(x)</text>',
        _words(342, middle + 92, "start.figure.branch", "soft", "middle"),
        f'<text x="{plus + 70}" y="{middle - 18}" class="math" text-anchor="middle">y</text>',
        '<text x="380" y="486" class="formula" text-anchor="middle">y = F(x) <tspan class="wired">+ x</tspan></text>'))


# 5: one block pulled out ----------------------------------------------------------------------------


def _pulled() -> str:
    rows = [(pulled(True), 230), (pulled(False), 470)]
    return _group("s5", [_bars(net, base) for net, base in rows])


def _bars(net: Pulled, base: float) -> str:
    """Error without each block, from 0 to 100 %, standing on `base`; the line is the whole net's."""
    left, width, tall = 56, 660, 160
    step = width / len(net.errors)
    kind = "plain" if net.plain else "residual"
    bars, ends = [], (min(net.errors.values()), net.worst)
    for i, (block, error) in enumerate(net.errors.items()):
        x, height = left + i * step, tall * error / 100
        title = f"{net.title} − {block}: {error:.1f} %"
        told = " told" if error in ends else ""  # a phone has no room for more, and nothing to point with
        bars.append(f'<g class="bar{told}" style="--i:{i}" tabindex="-1">'
                    f'<rect class="hit" x="{x:.1f}" y="{base - tall}" width="{step:.1f}" height="{tall}"/>'
                    f'<rect class="{kind} deep" x="{x + 2:.1f}" y="{base - height:.1f}" width="{step - 5:.1f}" '
                    f'height="{height:.1f}"/>'
                    f'<text class="value" x="{x + step / 2:.1f}" y="{base - height - 6:.1f}" '
                    f'text-anchor="middle">{error:.0f}</text><title>{escape(title)}</title></g>')
    intact = base - tall * net.intact / 100
    return (f'<path class="grid" d="M{left} {base} h{width} M{left} {base - tall} h{width}"/>'
            f'<text x="{left - 10}" y="{base + 5}" class="soft" text-anchor="end">0</text>'
            f'<text x="{left - 10}" y="{base - tall + 5}" class="soft" text-anchor="end">100</text>'
            + "".join(bars)
            + f'<path class="intact" d="M{left} {intact:.1f} h{width}"/>'
            + f'<text x="{left}" y="{base - tall - 20}" class="name {kind} deep">{escape(net.title)} '
            + f'<tspan class="soft">{_tspans("start.figure.without", intact=f"{net.intact:.1f}")}</tspan></text>')

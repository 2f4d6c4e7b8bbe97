"""What a map of a net is drawn with: its style sheet, and the strokes along its axis, each an SVG element."""

AXIS = 138  # the height of the middle line

STYLE = """
.netmap{--tone-0:#eef2f5;--tone-1:#d8e0e8;--tone-2:#b7c5d1;--tone-3:#92a5b7;--tone-4:#6b8298;--tone-5:#4b6279;
--tone-6:#30475d;--line:#75889a;--residual:var(--net-residual,#0072B2);--plain:var(--net-plain,#D55E00);
display:block;width:100%;height:auto;font:11.5px system-ui,sans-serif}
.dark .netmap{--tone-0:#dbe3ea;--tone-1:#bccad6;--tone-2:#98aabb;--tone-3:#768ba0;--tone-4:#586e84;--tone-5:#3f5368;
--tone-6:#2b3c4e;--line:#8b9db0;--residual:var(--net-residual,#4CA9DF);--plain:var(--net-plain,#F0803C)}
.netmap text{fill:currentColor;text-anchor:middle}
.netmap .name{font-weight:700;font-size:12.5px}
.netmap .small,.netmap .shape{fill-opacity:.75}
.netmap .shape{font-variant-numeric:tabular-nums}
.netmap .legend text{text-anchor:start;fill-opacity:.75}
.netmap .axis,.netmap .box,.netmap .bracket{stroke:var(--line);stroke-width:1.2;fill:none}
.netmap .axis.plain{stroke:var(--plain);stroke-width:2}
.netmap .tip{fill:var(--line)}
.netmap .leader{stroke:currentColor;stroke-opacity:.16}
.netmap .arc{fill:none;stroke:var(--residual);stroke-width:1.8}
.netmap .plus{fill:none;stroke:var(--residual);stroke-width:1.3}
.netmap .projection{stroke-dasharray:5 3}
.netmap .zero-pad{stroke-dasharray:.1 3.8;stroke-linecap:round;stroke-width:2.4}
""" + "".join(f".netmap .tone-{i}{{fill:var(--tone-{i})}}\n" for i in range(7))


def line(x0: float, x1: float, kind: str = "axis", y: float = AXIS) -> str:
    return f'<path class="{kind}" d="M{x0:g} {y}H{x1:g}"/>'


def box(x: float, width: float, height: float, tone: int) -> str:
    return (f'<rect class="box tone-{tone}" x="{x:g}" y="{AXIS - height / 2:g}" width="{width:g}" '
            f'height="{height:g}" rx="2.5"/>')


def arc(x0: float, x1: float, top: float, kind: str, base: float = AXIS, rise: float = 14) -> str:
    """Up from the axis, over the box in half an ellipse, and down again."""
    radius = (x1 - x0) / 2
    return f'<path class="arc {kind}" d="M{x0:g} {base}V{top:g}A{radius:g} {rise:g} 0 0 1 {x1:g} {top:g}V{base}"/>'


def plus(x: float) -> str:
    """The addition: a cross in a circle."""
    return f'<path class="plus" d="M{x - 4.5:g} {AXIS}a4.5 4.5 0 0 1 9 0a4.5 4.5 0 0 1 -9 0zh9m-4.5 -4.5v9"/>'

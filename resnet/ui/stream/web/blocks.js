// The drawing: nine blocks of the residual net, x on its straight wire, F(x) on a loop below, their sum under a rule;
// and nine of the plain twin. Places and sizes are in 112ths of a block's width (stream.css).

import { draw, fill, make, number } from "./dom.js";
import { paint } from "./paint.js";

export const PARTS = { x: "x", branch: "F(x)", sum: "ReLU(F(x) + x)" };
const WIDEST = 2.5;  // of |F| / |x|: the bar's end

/** One block of the residual net at `place`; `opens` is [channels, size] of a stage's first. `on.cut(part, place)`,
 * `on.point(place, part)` and `on.pick(place, part, row, column)` are told of clicks. */
export class Block {
  constructor(place, opens, words, on) {
    Object.assign(this, { place, words });
    const [channels, size] = opens ?? [];
    this.tiles = Object.fromEntries(Object.keys(PARTS).map((part) => [part, tile(place, part, words, on)]));
    this.scissors = Object.fromEntries(["shortcut", "branch"].map((part) =>
      [part, scissors(part, () => on.cut(part, place))]));
    this.name = make("span.name");
    this.bar = make("span.bar");
    this.ratio = make("span.ratio");
    this.element = make("li.net-block", {},
      make("span.stage-name", {}, opens ? fill(words.stage, { channels, size }) : ""),
      make("div.drawing-area", {}, wires(), ...Object.values(this.tiles), ...Object.values(this.scissors)),
      make("div.foot", {}, this.name, make("span.gauge", {}, this.bar), this.ratio));
  }

  show(seen, { shortcut, branch }, shades) {
    const n = seen.block + 1, parts = Object.keys(PARTS), range = span(...parts.map((part) => seen[part]));
    for (const part of parts) {
      paint(this.tiles[part].firstChild, seen[part], range, shades[part]);
      this.tiles[part].setAttribute("aria-label", fill(this.words.tile, { n, part: PARTS[part] }));
    }
    this._wire("shortcut", shortcut[seen.block], fill(this.words.cut_shortcut, { n }));
    this._wire("branch", branch[seen.block], fill(this.words.cut_branch, { n }));
    this.name.textContent = fill(this.words.block, { n });
    this.element.classList.toggle("moved", seen.block !== this.place);
    this.bar.style.width = `${100 * Math.min(1, (seen.ratio ?? 0) / WIDEST)}%`;
    this.ratio.textContent = seen.ratio === null ? "–" : number(seen.ratio);
  }

  _wire(part, whole, name) {
    this.element.classList.toggle(`no-${part}`, !whole);
    this.scissors[part].setAttribute("aria-pressed", !whole);
    this.scissors[part].setAttribute("aria-label", name);
    this.scissors[part].title = name;
  }
}

/** One block of the plain twin: what leaves it. */
export class PlainBlock {
  constructor(net, place, words) {
    this.canvas = make("canvas", { role: "img", "aria-label": fill(words.twin_tile, { net, n: place + 1 }) });
    this.element = make("li.plain-block", {}, draw("svg", { viewBox: "0 0 112 56", "aria-hidden": "true" },
      draw("path.wire.loop", { d: "M0 28H112" })), make("span.tile.sum", {}, this.canvas));
  }

  show(seen, { branch }, shades) {
    paint(this.canvas, seen.sum, span(seen.sum), shades.plain);
    this.element.classList.toggle("no-branch", !branch[seen.block]);
  }
}

/** [smallest, largest] of maps; those that are zero everywhere stand aside. */
function span(...maps) {
  const values = maps.filter((map) => map.some((value) => value)).flatMap((map) => Array.from(map));
  return values.length ? [Math.min(...values), Math.max(...values)] : [0, 1];
}

/** The first cell: what the rows are. */
export function legend(words) {
  const row = (name, symbol, sentence) =>
    make(`div.row.${name}`, {}, make("b", {}, symbol), make("span", {}, sentence));
  return make("li.rows-told", {}, row("x", PARTS.x, words.row_x), row("branch", PARTS.branch, words.row_branch),
    row("sum", words.row_sum, "ReLU(F+x)"), row("ratio", "|F| / |x|", ""));
}

function tile(place, part, words, on) {
  const point = () => on.point(place, part), leave = () => on.point(null);
  const mark = make("i.mark", { hidden: "" });
  const hears = { pointerenter: (event) => event.pointerType === "mouse" && point(), pointerleave: leave, focus: point,
    blur: leave, click: (event) => on.pick(place, part, ...pixel(event)) };
  return make(`button.tile.${part}`, { type: "button", ...hears }, make("canvas", { "aria-hidden": "true" }), mark);
}

/** [row, column] of a click as shares of the tile; of a click by keyboard none. */
function pixel(event) {
  if (!event.detail) return [null, null];
  const box = event.currentTarget.getBoundingClientRect();
  return [(event.clientY - box.top) / box.height, (event.clientX - box.left) / box.width];
}

function scissors(part, click) {
  const icon = draw("svg", { viewBox: "-10 -10 20 20", "aria-hidden": "true" },
    draw("path", { d: "M-2.2 1.6L4.6 -6M2.2 1.6L-4.6 -6" }), draw("circle", { cx: -3.2, cy: 4, r: 2.4 }),
    draw("circle", { cx: 3.2, cy: 4, r: 2.4 }));
  return make(`button.scissors.${part}`, { type: "button", click }, icon);
}

function wires() {
  return draw("svg", { viewBox: "0 0 112 206", "aria-hidden": "true" },
    draw("path.wire.loop", { d: "M4 34V92Q4 104 14 104H88Q100 104 100 92V41" }),
    draw("path.wire.straight", { d: "M0 34H112" }),
    draw("path.wire.gap", { d: "M4 34H93" }),
    draw("path.rule", { d: "M13 140H67" }),
    draw("circle.plus", { cx: 100, cy: 34, r: 7 }), draw("path.plus", { d: "M96 34H104M100 30V38" }));
}

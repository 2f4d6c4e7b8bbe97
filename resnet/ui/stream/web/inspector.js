// Below the drawing: the channels of the tile that is pointed at, and how one pixel's number comes about.

import { PARTS } from "./blocks.js";
import { fill, make, number } from "./dom.js";
import { paintChannels } from "./paint.js";

const ACROSS = { 16: 16, 32: 16, 64: 22 };
const STEPS = { ArrowUp: [0, -1, 0], ArrowDown: [0, 1, 0], ArrowLeft: [0, 0, -1], ArrowRight: [0, 0, 1],
  PageUp: [-1, 0, 0], PageDown: [1, 0, 0] };

/** `shades` are set by the page, before anything is shown: by part, and "below" zero. */
export class Inspector {
  constructor(net, blocks, words) {
    Object.assign(this, { net, blocks, words, pinned: null, pointed: null, shown: null });
    this.title = make("h3");
    this.canvas = make("canvas", { tabindex: 0, role: "img", click: (event) => this._choose(event),
      keydown: (event) => this._step(event) });
    this.mark = make("i.mark");
    this.sheet = make("div.sheet", {}, this.canvas, this.mark);
    this.sum = make("div.arithmetic");
    this.body = make("div.body", { hidden: "" },
      make("div", {}, this.title, this.sheet, make("p.note", {}, words.signs)), this.sum);
    this.element = make("section.inspector", {}, make("p.hint", {}, words.hint), this.body);
  }

  /** The mouse or the keyboard is on a tile, or on none (null). */
  point(place, part) {
    this.pointed = place === null ? null : { place, part };
    this._update();
  }

  /** A tile was clicked, at shares of its height and width; by keyboard its strongest pixel is taken. */
  pick(place, part, down, right) {
    const { size, [part]: values } = this.result.blocks[place];
    const strongest = values.indexOf(Math.max(...values));
    const row = down === null ? Math.floor(strongest / size) : Math.min(size - 1, Math.floor(down * size));
    const column = right === null ? strongest % size : Math.min(size - 1, Math.floor(right * size));
    this.pinned = { place, part, row, column, channel: null };
    const quiet = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this._update().then(() => this.element.scrollIntoView({ block: "nearest", behavior: quiet ? "auto" : "smooth" }));
  }

  /** The net has run anew. */
  refresh(result) {
    this.result = result;
    this._update();
  }

  /** Ask for what is wanted; while an answer is on its way, only the last wish is kept. */
  async _update() {
    const at = this.pointed ?? this.pinned;
    this.element.classList.toggle("empty", !at);
    this.body.hidden = !at;
    this.again = true;
    if (!at) this._mark(null);
    else await (this.asking ??= this._answer().finally(() => { this.asking = null; }));
  }

  async _answer() {
    while (this.again) {
      this.again = false;
      await this._ask(this.pointed ?? this.pinned);
    }
  }

  async _ask(at) {
    if (!at) return;
    this.shown = await this.net.channels(at.place, at.part);
    const pin = this.pinned && this.pinned.place === at.place && this.pinned.part === at.part ? this.pinned : null;
    if (pin) pin.channel ??= strongest(this.shown, pin.row, pin.column);
    this._channels(at, pin);
    this._mark(pin);
    const found = pin && await this.net.arithmetic(at.place, pin.channel, pin.row, pin.column);
    this.sum.replaceChildren(...(found ? this._lines(found) : []));
  }

  _channels({ place, part }, pin) {
    const { channels, size } = this.shown, across = ACROSS[channels] ?? Math.ceil(Math.sqrt(2 * channels));
    this.across = across;
    paintChannels(this.canvas, this.shown, across, this.shades[part], this.shades.below);
    this.title.textContent = fill(this.words.channels, { n: this.result.blocks[place].block + 1, part: PARTS[part],
      channels, size });
    this.canvas.setAttribute("aria-label", this.title.textContent
      + (pin ? `; ${fill(this.words.pixel, named(pin))}` : ""));
  }

  /** Frames around the pixel: on the block's three tiles and in the channel. */
  _mark(pin) {
    this.mark.hidden = !pin;
    for (const { place, tiles } of this.blocks)
      for (const { lastChild } of Object.values(tiles)) {
        lastChild.hidden = place !== pin?.place;
        if (pin) put(lastChild, pin.row, pin.column, this.shown.size, this.shown.size);
      }
    if (!pin) return;
    const step = this.shown.size + 1;
    const down = Math.floor(pin.channel / this.across) * step, right = (pin.channel % this.across) * step;
    put(this.mark, down + pin.row, right + pin.column, this.canvas.height, this.canvas.width);
  }

  _choose(event) {
    if (!this.shown) return; // not drawn yet
    const at = this.pointed ?? this.pinned, box = this.canvas.getBoundingClientRect(), step = this.shown.size + 1;
    const x = Math.floor((event.clientX - box.left) / box.width * this.canvas.width);
    const y = Math.floor((event.clientY - box.top) / box.height * this.canvas.height);
    const channel = Math.floor(y / step) * this.across + Math.floor(x / step), last = this.shown.size - 1;
    if (channel >= this.shown.channels) return;
    this.pinned = { ...at, channel, row: Math.min(last, y % step), column: Math.min(last, x % step) };
    this._update();
  }

  _step(event) {
    const step = STEPS[event.key];
    if (!step || this.pinned?.channel === undefined) return; // not drawn yet
    event.preventDefault();
    const { channels, size } = this.shown, within = (value, end) => Math.max(0, Math.min(end - 1, value));
    this.pinned.channel = within(this.pinned.channel + step[0], channels);
    this.pinned.row = within(this.pinned.row + step[1], size);
    this.pinned.column = within(this.pinned.column + step[2], size);
    this._update();
  }

  /** The strongest input channel's patch and kernel in full, the sum over all, and what the addition makes of it. */
  _lines(found) {
    return [make("h3", {}, fill(this.words.pixel, named(found))), ...[this._products(found), this._sum(found),
      this._addition(found)].map((parts) => make("div.equation", {}, ...parts))];
  }

  _products({ patch, kernel, strongest }) {
    const { words } = this, products = patch.map((value, i) => value * kernel[i]);
    return [nine(patch, fill(words.patch, { channel: strongest + 1 })), "×", nine(kernel, words.kernel), "=",
      nine(products, words.products)];
  }

  _sum({ parts, strongest, bias, branch }) {
    const { words } = this, here = parts[strongest];
    return ["Σ", term(here, words.sum_here), "+",
      term(branch - bias - here, fill(words.sum_others, { n: parts.length - 1 })), "+", term(bias, words.bias), "=",
      term(branch, "F(x)", "branch")];
  }

  _addition({ gain, branch, kept, x, sum }) {
    const { words } = this, cut = (there) => (there ? "" : ` ${words.cut}`);
    const scale = gain === 1 ? [] : [term(gain, words.row_branch + cut(gain)), "·"];
    return ["ReLU(", ...scale, term(branch, "F(x)", "branch"), "+", term(kept ? x : 0, `x${cut(kept)}`, "x"), ") =",
      term(sum, PARTS.sum, "sum")];
  }
}

/** Counted from one, as people do. */
function named({ channel, row, column }) {
  return { channel: channel + 1, row: row + 1, column: column + 1 };
}

function strongest({ channels, size, data }, row, column) {
  const at = (channel) => Math.abs(data[(channel * size + row) * size + column]);
  return Array.from({ length: channels }, (_, c) => c).reduce((best, c) => (at(c) > at(best) ? c : best), 0);
}

/** A frame around one pixel of a picture of these measures. */
function put(mark, row, column, height, width) {
  Object.assign(mark.style, { top: `${100 * row / height}%`, left: `${100 * column / width}%`,
    height: `${100 / height}%`, width: `${100 / width}%` });
}

function nine(values, caption) {
  const most = Math.max(...values.map(Math.abs)) || 1;
  const cells = values.map((value) => make(value < 0 ? "span.below" : "span",
    { style: `--share: ${Math.round(60 * Math.abs(value) / most)}%` }, number(value)));
  return make("figure", {}, make("div.nine", {}, ...cells), make("figcaption", {}, caption));
}

function term(value, caption, part = "") {
  return make(part ? `span.term.${part}` : "span.term", {}, make("b", {}, number(value)), make("small", {}, caption));
}

// The residual stream: a net and its plain twin in two workers, one picture through both, and every wire to be cut.

import { Answer } from "./answer.js";
import { Block, legend, PlainBlock } from "./blocks.js";
import { fill, make } from "./dom.js";
import { Inspector } from "./inspector.js";
import { isWhole, whole } from "./net.js";
import { palette, ramp } from "./paint.js";
import { Picture } from "./picture.js";
import { runner } from "./runner.js";
import { readSafetensors } from "./safetensors.js";

/** Fill `root` (part.py: stream_html); the promise ends with the first answer. */
export async function mount(root) {
  const settings = JSON.parse(root.dataset.settings);
  const words = settings.words[document.documentElement.lang] ?? Object.values(settings.words)[0];
  const here = (path) => new URL(path, import.meta.url).href;
  await styled(here("stream.css"));
  try {
    const nets = settings.nets.map(runner);
    const [abouts, items] = await Promise.all([Promise.all(nets.map((net, i) => net.load(here(settings.nets[i])))),
      fetch(here(settings.items)).then((answer) => answer.arrayBuffer()).then(readSafetensors)]);
    const stream = new Stream(root, nets, abouts, listed(items, settings.numbers, abouts[0].labels), words);
    await stream.first();
    return stream;
  } catch (error) {
    root.replaceChildren(make("p.note", { role: "alert" }, words.failed));
    throw error;
  }
}

/** The style sheet, loaded once. */
function styled(href) {
  if (document.querySelector(`link[href="${href}"]`)) return undefined;
  return new Promise((done) =>
    document.head.append(make("link", { rel: "stylesheet", href, load: done, error: done })));
}

function listed({ tensors: { images, labels } }, numbers, names) {
  const size = images.data.length / numbers.length;
  return numbers.map((n, i) =>
    ({ n, label: names[labels.data[i]], pixels: images.data.subarray(i * size, (i + 1) * size) }));
}

class Stream {
  constructor(root, nets, abouts, items, words) {
    Object.assign(this, { root, nets, abouts, items, words, edits: whole(abouts[0].blocks.length) });
    const [net, twin] = abouts.map((about) => about.title);
    const on = { cut: (part, place) => this._cut(part, place), point: (...at) => this.inspector.point(...at),
      pick: (...at) => this.inspector.pick(...at) };
    this.blocks = abouts[0].blocks.map((block, place) => new Block(place, block.opens, words, on));
    this.plain = abouts[1].blocks.map((_, place) => new PlainBlock(twin, place, words));
    this.picture = new Picture(abouts[0].architecture.input_size[0], items, words, (pixels) => this._look(pixels));
    this.answer = new Answer([net, twin], abouts[0].labels, words);
    this.inspector = new Inspector(nets[0], this.blocks, words);
    this.source = make("p.source");
    this._colour();
    this._lay(net);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this._recolour());
    new MutationObserver(() => this._recolour()).observe(document.body, { attributeFilter: ["class"] });
  }

  _lay(net) {
    const { words } = this;
    const button = (name, click) => make("button", { type: "button", click }, name);
    const elements = (parts) => parts.map(({ element }) => element);
    this.slider = make("input", { type: "range", min: 0, max: 1, step: 0.05, value: 1, input: () => this._scale() });
    this.scaled = make("output", {}, "1.00");
    this.root.replaceChildren(
      make("header", {}, make("h2", {}, words.title), make("p.lead", {}, fill(words.lead, { net }))),
      make("div.columns", {}, this.answer.head, this.picture.element,
        make("div.nets", {},
          make("ol.blocks", { "aria-label": words.stream }, legend(words), ...elements(this.blocks)),
          make("ol.blocks.twin", { "aria-label": words.twin }, make("li.rows-told", {}, make("b", {}, words.twin),
            make("span", {}, words.twin_note)), ...elements(this.plain)),
          make("div.controls-line", {}, button(words.mend, () => this._mend()), button(words.drop, () => this._drop()),
            button(words.shuffle, () => this._shuffle()),
            make("label", {}, `${words.scale} `, this.scaled, this.slider)),
          make("p.note", {}, words.tiles_note)),
        this.answer.element),
      this.inspector.element, this.source);
  }

  /** The first item, and its answer. */
  first() {
    this.picture.show(this.items[0].pixels, this.picture.thumbs[0]);
    return this.settled;
  }

  _cut(part, place) {
    const block = this.edits.order[place];
    this.edits[part][block] = !this.edits[part][block];
    this._change();
  }

  _scale() {
    this.edits.scale = Number(this.slider.value);
    this.scaled.textContent = this.edits.scale.toFixed(2);
    this.root.style.setProperty("--scale", this.edits.scale);
    this._change();
  }

  _mend() {
    this.edits = whole(this.blocks.length);
    this.slider.value = 1;
    this._scale();
  }

  _drop() {
    const left = this.edits.branch.flatMap((there, block) => (there ? [block] : []));
    if (left.length) this.edits.branch[left[Math.floor(Math.random() * left.length)]] = false;
    this._change();
  }

  /** One pair of neighbours that keep the shape changes places. */
  _shuffle() {
    const { order } = this.edits, { blocks } = this.abouts[0];
    const pairs = order.slice(1).flatMap((_, i) => (blocks[order[i]].stage === blocks[order[i + 1]].stage
      && blocks[order[i]].even && blocks[order[i + 1]].even ? [i] : []));
    const i = pairs[Math.floor(Math.random() * pairs.length)];
    [order[i], order[i + 1]] = [order[i + 1], order[i]];
    this._change();
  }

  _look(pixels) {
    this.pixels = pixels;
    this.standing = null;
    this._change();
  }

  /** Run what is asked for now; of changes that come meanwhile only the last is run. */
  _change() {
    this.stale = true;
    this.settled = this.running ??= this._run().finally(() => { this.running = null; });
  }

  async _run() {
    while (this.stale) {
      this.stale = false;
      const { pixels, edits } = this;
      this.pixels = null;
      this._show(await Promise.all(this.nets.map((net) => net.run(pixels, edits))), edits);
      if (!this.stale && !this.standing) await this._stand();
      if (!this.stale) this.answer.tick(this.standing);
    }
  }

  /** Where the whole nets stand with this picture, unless another has come meanwhile. */
  async _stand() {
    const standing = await Promise.all(this.nets.map((net) => net.whole()));
    if (!this.pixels) this.standing = standing;
  }

  _show(results, edits) {
    this.last = [results, edits];
    if (isWhole(edits)) this.standing = results.map((result) => result.probabilities);
    this.blocks.forEach((block, i) => block.show(results[0].blocks[i], edits, this.shades));
    this.plain.forEach((block, i) => block.show(results[1].blocks[i], edits, this.shades));
    this.answer.show(results.map((result) => result.probabilities));
    if (!this.standing) this.answer.tick(null);
    this.inspector.refresh(results[0]);
    this._sign(results);
    this.root.dispatchEvent(new CustomEvent("drawn", { detail: results.map(({ ms }) => ms) }));
  }

  _sign([mine, twins]) {
    const [net, twin] = this.abouts, accuracy = ({ test }) => (100 * test.accuracy).toFixed(2);
    this.source.textContent = fill(this.words.source, { net: net.title, twin: twin.title,
      n: net.test.n.toLocaleString("en"), accuracy: accuracy(net), twin_accuracy: accuracy(twin), k: mine.computed,
      blocks: this.blocks.length, ms: mine.ms.toFixed(0), twin_ms: twins.ms.toFixed(0) });
  }

  _colour() {
    const colours = palette(this.root);
    const [blue, orange, ink] = ["blue", "orange", "soft"].map((name) => ramp(colours, colours[name]));
    this.shades = { x: blue, branch: orange, sum: ink, plain: orange };
    this.inspector.shades = { x: blue, branch: orange, sum: ink, below: ink };
  }

  _recolour() {
    this._colour();
    if (this.last) this._show(...this.last);
  }
}

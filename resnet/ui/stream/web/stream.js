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
  await styled(here("stream.css"));
  const stream = new Stream(root, settings, words);
  await stream.turn(root.dataset.set ?? settings.sets[0].name);
  return stream;
}

function here(path) {
  return new URL(path, import.meta.url).href;
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
  constructor(root, settings, words) {
    Object.assign(this, { root, settings, words, nets: settings.sets[0].nets.map(runner), running: null });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this._recolour());
    new MutationObserver(() => this._recolour()).observe(document.body, { attributeFilter: ["class"] });
  }

  /** To the twins of another set, and its first item. */
  turn(name) {
    const turned = (this.running ?? Promise.resolve()).then(() => this._load(name)).then(() => {
      this.running = null;
      return this.first();
    }).catch((error) => {
      this.root.replaceChildren(make("p.note", { role: "alert" }, this.words.failed));
      throw error;
    });
    this.running = turned;
    return turned;
  }

  async _load(name) {
    const set = this.settings.sets.find((one) => one.name === name);
    const [abouts, items] = await Promise.all([
      Promise.all(this.nets.map((net, i) => net.load(here(set.nets[i])))),
      fetch(here(set.items)).then((answer) => answer.arrayBuffer()).then(readSafetensors)]);
    this._begin(set, abouts, listed(items, set.numbers, abouts[0].labels));
  }

  _begin(set, abouts, items) {
    const { words, nets } = this, [net, twin] = abouts.map((about) => about.title);
    Object.assign(this, { set, abouts, items, edits: whole(abouts[0].blocks.length), last: null });
    const on = { cut: (part, place) => this._cut(part, place), point: (...at) => this.inspector.point(...at),
      pick: (...at) => this.inspector.pick(...at) };
    this.blocks = abouts[0].blocks.map((block, place) => new Block(place, block.opens, words, on));
    this.plain = abouts[1].blocks.map((_, place) => new PlainBlock(twin, place, words));
    this.picture = new Picture(abouts[0].architecture.input_size[0], items, words, (pixels) => this._look(pixels));
    if (this.settings.sets.length > 1) this.picture.element.prepend(this._sets());
    this.picture.element.append(make("p.note", {}, set.digits ? words.knows_digits : words.knows));
    this.answer = new Answer([net, twin], abouts[0].labels, words);
    this.inspector = new Inspector(nets[0], this.blocks, words);
    this.source = make("p.source");
    this._colour();
    this._lay(net);
  }

  /** What is to be recognised: clothes, or digits from the pen. */
  _sets() {
    const { words } = this;
    return make("p.buttons.sets", { role: "group", "aria-label": words.sets }, ...this.settings.sets.map((one) =>
      make("button", { type: "button", "aria-pressed": one === this.set, click: () => this.turn(one.name) },
        one.digits ? words.digits : words.clothes)));
  }

  _lay(net) {
    const { words } = this;
    const button = (name, click) => make("button", { type: "button", click }, name);
    const elements = (parts) => parts.map(({ element }) => element);
    this.slider = make("input", { type: "range", min: 0, max: 1, step: 0.05, value: 1, input: () => this._scale() });
    this.scaled = make("output", {}, "1.00");
    this.root.replaceChildren(
      make("header", {}, make("h2", {}, words.title), make("p.lead", {}, `${fill(words.lead, { net })} `, this._alone())),
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

  /** The way to the page that is the stream's alone, where this is not it. */
  _alone() {
    if (location.pathname.endsWith("/stream")) return "";
    const lang = new URLSearchParams(location.search).get("lang");
    return make("a.alone", { href: here("../../stream") + (lang ? `?lang=${lang}` : "") }, `${this.words.alone} →`);
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
    if (!this.running) {
      const run = this._run().finally(() => { if (this.running === run) this.running = null; });
      this.running = run;
    }
    this.settled = this.running;
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
    const [net, twin] = this.abouts, { words } = this;
    const of = (part, { test }) => (100 * (test[part]?.accuracy ?? test.accuracy)).toFixed(2);
    const told = { net: net.title, twin: twin.title, k: mine.computed, blocks: this.blocks.length,
      ms: mine.ms.toFixed(0), twin_ms: twins.ms.toFixed(0), n: net.test.n.toLocaleString("en"),
      accuracy: of("", net), twin_accuracy: of("", twin) };
    for (const part of this.set.digits ? ["drawn", "scanned"] : [])
      Object.assign(told, { [`${part}_n`]: net.test[part].n.toLocaleString("en"), [part]: of(part, net),
        [`twin_${part}`]: of(part, twin) });
    this.source.textContent = fill(this.set.digits ? words.source_digits : words.source, told);
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

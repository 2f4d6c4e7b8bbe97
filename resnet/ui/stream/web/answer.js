// The answer: ten classes in their order, a bar for each net, a tick where the whole net stands.

import { make, percent } from "./dom.js";

const SEEN = 0.005;  // smaller shares get no tick
const KINDS = ["residual", "plain"];

export class Answer {
  constructor(titles, labels, words) {
    Object.assign(this, { titles, labels, words });
    this.verdicts = KINDS.map((kind, k) => {
      const label = make("b"), share = make("span");
      return { label, share, element: make(`p.verdict.${kind}`, {}, make("small", {}, titles[k]), label, " ", share) };
    });
    this.rows = labels.map((label) => {
      const bars = KINDS.map((kind) => ({ bar: make(`span.${kind}`), tick: make("i"), share: make(`small.${kind}`) }));
      const row = make("li", {}, make("b", {}, words.labels[label] ?? label), ...bars.map(({ bar, tick, share }) =>
        make("div.line", {}, make("div.track", {}, bar, tick), share)));
      return { row, bars };
    });
    this.head = make("div.verdicts", { role: "status" }, ...this.verdicts.map(({ element }) => element));
    this.element = make("div.answer-column", {}, make("ol", { "aria-label": words.answer },
      ...this.rows.map(({ row }) => row)), make("p.note", {}, words.bars));
  }

  /** Probabilities by net. */
  show(shares) {
    shares.forEach((probabilities, k) => {
      const best = probabilities.indexOf(Math.max(...probabilities));
      this._verdict(k, best, probabilities[best]);
      this.rows.forEach(({ row, bars }, i) => {
        row.classList.toggle(`first-${KINDS[k]}`, i === best);
        bars[k].bar.style.width = `${100 * probabilities[i]}%`;
        bars[k].share.textContent = percent(probabilities[i]);
      });
    });
  }

  /** Where the whole nets stand; null while that is not known. */
  tick(shares) {
    this.rows.forEach(({ bars }, i) => bars.forEach(({ tick }, k) => {
      tick.hidden = !shares || shares[k][i] < SEEN;
      if (shares) tick.style.left = `${100 * shares[k][i]}%`;
    }));
  }

  _verdict(k, best, share) {
    const { label, share: told } = this.verdicts[k], name = this.words.labels[this.labels[best]] ?? this.labels[best];
    if (label.textContent !== name) label.textContent = name;
    told.textContent = `${percent(share)}\u00a0%`;
  }
}

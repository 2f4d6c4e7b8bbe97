// A residual net of basic blocks, or its plain twin, run so that it can be cut: what a change leaves as it was is kept.

import { convolve, layer, rectify, zeros } from "./convolution.js";
import { readSafetensors } from "./safetensors.js";

/** The edits of a whole net of `n` blocks. order: which block stands where; scale: of all branches. */
export function whole(n) {
  const all = (value) => Array.from({ length: n }, (_, i) => value ?? i);
  return { order: all(), shortcut: all(true), branch: all(true), scale: 1 };
}

export function isWhole({ order, shortcut, branch, scale }) {
  return scale === 1 && order.every((block, i) => block === i) && [...shortcut, ...branch].every(Boolean);
}

export class Net {
  /** From the bytes that `python -m resnet export NAME --to web` writes. */
  constructor(buffer) {
    const { tensors, metadata } = readSafetensors(buffer);
    this.about = JSON.parse(metadata.net);
    this.about.architecture.plain = this.about.architecture.shortcut === "none";
    const at = (name, stride) => layer(tensors[`${name}.weight`], tensors[`${name}.bias`], stride);
    this.stem = at("conv1");
    this.blocks = this.about.architecture.depths.flatMap((depth, stage) => Array.from({ length: depth }, (_, i) => {
      const name = `layer${stage + 1}.${i}`, stride = stage && !i ? 2 : 1;
      return { name, stage, stride, first: at(`${name}.conv1`, stride), second: at(`${name}.conv2`) };
    }));
    this.fc = { weight: tensors["fc.weight"].data, bias: tensors["fc.bias"].data };
    this._makeRoom();
  }

  _makeRoom() {
    let size = this.about.architecture.input_size[0];
    this.input = zeros(this.stem.into, size);
    this.start = zeros(this.stem.out, size);
    this.places = this.blocks.map(({ stride, first, second }) => {
      size = Math.ceil(size / stride);
      return { hidden: zeros(first.out, size), branch: zeros(second.out, size), sum: zeros(second.out, size),
        shortcut: stride === 1 ? null : zeros(second.out, size), made: 0 };
    });
    this.clock = 0;
  }

  /** By block: its stage, whether it gives the shape that it takes, and of a stage's first its [channels, size]. */
  kinds() {
    return this.blocks.map(({ stage, stride, first }, i) => ({ stage, even: stride === 1 && first.into === first.out,
      opens: i && this.blocks[i - 1].stage === stage ? null : [first.out, this.places[i].sum.size] }));
  }

  /** Pixels [channels, h, w], 0 to 255, become the input. */
  look(pixels) {
    const { mean, std } = this.about, { data, channels, size, pitch, plane } = this.input;
    for (let c = 0; c < channels; c++)
      for (let row = 0; row < size; row++)
        for (let column = 0; column < size; column++)
          data[c * plane + (row + 1) * pitch + column + 1] =
            (pixels[(c * size + row) * size + column] / 255 - mean[c]) / std[c];
    convolve(this.stem, this.input, this.start, true);
    this.started = ++this.clock;
  }

  /** The logits with these edits; returns how many branches had to be computed. */
  run({ order, shortcut, branch, scale }) {
    let from = this.start, stamp = this.started, computed = 0;
    this.places.forEach((place, i) => {
      const block = order[i], gain = branch[block] ? scale : 0;
      const kept = shortcut[block] && !this.about.architecture.plain;
      const same = place.block === block && place.read === stamp;
      if (!same) {
        Object.assign(place, { block, read: stamp, x: this._shortcut(place, from), from });
        convolve(this.blocks[block].first, from, place.hidden, true);
        convolve(this.blocks[block].second, place.hidden, place.branch, false);
        computed++;
      }
      if (!same || place.gain !== gain || place.kept !== kept) {
        Object.assign(place, { gain, kept, made: ++this.clock });
        add(place);
      }
      from = place.sum;
      stamp = place.made;
    });
    this.logits = this._classify(from);
    return computed;
  }

  /** Option A: every second pixel, new channels zero. */
  _shortcut({ shortcut }, from) {
    if (!shortcut) return from;
    const { data, size, pitch, plane } = shortcut;
    for (let c = 0; c < from.channels; c++)
      for (let row = 0; row < size; row++)
        for (let column = 0; column < size; column++)
          data[c * plane + (row + 1) * pitch + column + 1] =
            from.data[c * from.plane + (2 * row + 1) * from.pitch + 2 * column + 1];
    return shortcut;
  }

  _classify({ data, channels, size, plane }) {
    const { weight, bias } = this.fc, logits = Float32Array.from(bias);
    for (let c = 0; c < channels; c++) {
      let sum = 0;
      for (let i = c * plane; i < (c + 1) * plane; i++) sum += data[i];
      for (let k = 0; k < logits.length; k++) logits[k] += weight[k * channels + c] * sum / (size * size);
    }
    return logits;
  }
}

/** relu(gain * F(x) + x), without x where it is cut. */
function add({ sum, branch, x, gain, kept }) {
  const to = sum.data, f = branch.data, s = x.data;
  if (kept) for (let i = 0; i < to.length; i++) to[i] = gain * f[i] + s[i];
  else for (let i = 0; i < to.length; i++) to[i] = gain * f[i];
  rectify(to);
}

// What the page shows of a net that has run: tiles, channels, and one pixel's arithmetic. Borders are taken off here.

/** Of each block x, F(x) and their sum as root mean squares over the channels, and |F| / |x|; then the answer. */
export function seen({ places, logits, input }) {
  const blocks = places.map(({ block, x, branch, sum, kept, gain }) => ({
    block, size: sum.size, x: strength(x), branch: strength(branch, Math.abs(gain)), sum: strength(sum),
    ratio: kept ? Math.abs(gain) * norm(branch) / norm(x) : null }));
  return { blocks, logits, probabilities: softmax(logits), size: input.size };
}

/** Every channel of a block's part: { channels, size, data: [channels, size, size] }. */
export function channels({ places }, place, part) {
  const { channels, size, pitch, plane, data } = places[place][part];
  const flat = new Float32Array(channels * size * size);
  for (let c = 0; c < channels; c++)
    for (let row = 0; row < size; row++) {
      const from = c * plane + (row + 1) * pitch + 1;
      flat.set(data.subarray(from, from + size), (c * size + row) * size);
    }
  return { channels, size, data: flat };
}

/** How a pixel of F's second convolution, and of the sum, comes about: what each input channel brings, the strongest
 * one's patch and kernel in full. */
export function arithmetic({ places, blocks }, place, channel, row, column) {
  const { block, hidden, branch, x, sum, gain, kept } = places[place], { kernel, bias, into } = blocks[block].second;
  const patches = Array.from({ length: into }, (_, c) => patch(hidden, c, row, column));
  const kernels = patches.map((_, c) => kernel.subarray((channel * into + c) * 9, (channel * into + c + 1) * 9));
  const parts = patches.map((values, c) => values.reduce((all, value, i) => all + value * kernels[c][i], 0));
  const strongest = parts.reduce((best, value, c) => (Math.abs(value) > Math.abs(parts[best]) ? c : best), 0);
  return { channel, row, column, strongest, parts, patch: patches[strongest], kernel: Array.from(kernels[strongest]),
    bias: bias[channel], branch: value(branch, channel, row, column), gain, kept,
    x: value(x, channel, row, column), sum: value(sum, channel, row, column) };
}

function value({ data, plane, pitch }, channel, row, column) {
  return data[channel * plane + (row + 1) * pitch + column + 1];
}

function patch(map, channel, row, column) {
  return [-1, 0, 1].flatMap((down) => [-1, 0, 1].map((right) => value(map, channel, row + down, column + right)));
}

function strength(map, gain = 1) {
  const { channels, size, pitch, plane, data } = map, flat = new Float32Array(size * size);
  for (let c = 0; c < channels; c++)
    for (let row = 0; row < size; row++)
      for (let i = row * size, from = c * plane + (row + 1) * pitch + 1; i < (row + 1) * size; i++, from++)
        flat[i] += data[from] * data[from];
  return flat.map((squares) => gain * Math.sqrt(squares / channels));
}

function norm({ data }) {
  return Math.sqrt(data.reduce((all, value) => all + value * value, 0));
}

export function softmax(logits) {
  const most = Math.max(...logits), powers = Array.from(logits, (logit) => Math.exp(logit - most));
  const all = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / all);
}

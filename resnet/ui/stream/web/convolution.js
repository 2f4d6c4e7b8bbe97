// 3x3 convolutions over maps that carry a border of zeros: a channel of w x w pixels lies in (w + 2) x (w + 2) numbers.
// Sums are doubles, which V8 adds quicker than floats that are rounded after every step.

/** A map of zeros, border included. */
export function zeros(channels, size) {
  const pitch = size + 2;
  return { data: new Float32Array(channels * pitch * pitch), channels, size, pitch, plane: pitch * pitch };
}

/** A layer { kernel: [out, in, 3, 3], bias, stride, out } ready for `convolve`. */
export function layer(kernel, bias, stride = 1) {
  const [out, into] = kernel.shape;
  return { out, into, stride, bias: bias.data, kernel: kernel.data, pairs: pairs(kernel.data, out, into) };
}

/** [out, in, 9] -> [out / 2, in, 9, 2]: what is read one after the other lies so. */
function pairs(kernel, out, into) {
  const packed = new Float32Array(kernel.length);
  for (let o = 0; o < out; o++)
    for (let i = 0; i < into * 9; i++) packed[(o >> 1) * into * 18 + 2 * i + (o & 1)] = kernel[o * into * 9 + i];
  return packed;
}

/** `to` = the layer's convolution of `from`; its border stays zero. */
export function convolve(layer, from, to, relu) {
  if (layer.stride === 1) everyPixel(layer, from, to);
  else everySecond(layer, from, to);
  if (relu) rectify(to.data);
}

export function rectify(data) {
  for (let i = 0; i < data.length; i++) if (data[i] < 0) data[i] = 0;
}

/** Two channels of four pixels at once: of 36 numbers that are read come 72 products. A row's last four may overlap. */
function everyPixel({ out, into, bias, pairs: w }, { data: x, pitch, plane }, { data: y, size, plane: step }) {
  for (let o = 0; o < out; o += 2)
    for (let row = 0; row < size; row++)
      for (let column = 0; column < size; column += 4) {
        const left = column + 4 > size ? size - 4 : column;
        let a0 = bias[o], a1 = a0, a2 = a0, a3 = a0, b0 = bias[o + 1], b1 = b0, b2 = b0, b3 = b0;
        for (let c = 0, i = row * pitch + left, k = o * into * 9; c < into; c++, i += plane, k += 18) {
          let j = i, u = w[k], v = w[k + 1];
          let x0 = x[j], x1 = x[j + 1], x2 = x[j + 2], x3 = x[j + 3], x4 = x[j + 4], x5 = x[j + 5];
          a0 += u * x0; a1 += u * x1; a2 += u * x2; a3 += u * x3;
          b0 += v * x0; b1 += v * x1; b2 += v * x2; b3 += v * x3;
          u = w[k + 2]; v = w[k + 3];
          a0 += u * x1; a1 += u * x2; a2 += u * x3; a3 += u * x4;
          b0 += v * x1; b1 += v * x2; b2 += v * x3; b3 += v * x4;
          u = w[k + 4]; v = w[k + 5];
          a0 += u * x2; a1 += u * x3; a2 += u * x4; a3 += u * x5;
          b0 += v * x2; b1 += v * x3; b2 += v * x4; b3 += v * x5;
          j += pitch; u = w[k + 6]; v = w[k + 7];
          x0 = x[j]; x1 = x[j + 1]; x2 = x[j + 2]; x3 = x[j + 3]; x4 = x[j + 4]; x5 = x[j + 5];
          a0 += u * x0; a1 += u * x1; a2 += u * x2; a3 += u * x3;
          b0 += v * x0; b1 += v * x1; b2 += v * x2; b3 += v * x3;
          u = w[k + 8]; v = w[k + 9];
          a0 += u * x1; a1 += u * x2; a2 += u * x3; a3 += u * x4;
          b0 += v * x1; b1 += v * x2; b2 += v * x3; b3 += v * x4;
          u = w[k + 10]; v = w[k + 11];
          a0 += u * x2; a1 += u * x3; a2 += u * x4; a3 += u * x5;
          b0 += v * x2; b1 += v * x3; b2 += v * x4; b3 += v * x5;
          j += pitch; u = w[k + 12]; v = w[k + 13];
          x0 = x[j]; x1 = x[j + 1]; x2 = x[j + 2]; x3 = x[j + 3]; x4 = x[j + 4]; x5 = x[j + 5];
          a0 += u * x0; a1 += u * x1; a2 += u * x2; a3 += u * x3;
          b0 += v * x0; b1 += v * x1; b2 += v * x2; b3 += v * x3;
          u = w[k + 14]; v = w[k + 15];
          a0 += u * x1; a1 += u * x2; a2 += u * x3; a3 += u * x4;
          b0 += v * x1; b1 += v * x2; b2 += v * x3; b3 += v * x4;
          u = w[k + 16]; v = w[k + 17];
          a0 += u * x2; a1 += u * x3; a2 += u * x4; a3 += u * x5;
          b0 += v * x2; b1 += v * x3; b2 += v * x4; b3 += v * x5;
        }
        const at = o * step + (row + 1) * (size + 2) + left + 1, next = at + step;
        y[at] = a0; y[at + 1] = a1; y[at + 2] = a2; y[at + 3] = a3;
        y[next] = b0; y[next + 1] = b1; y[next + 2] = b2; y[next + 3] = b3;
      }
}

/** The textbook's loops, for the two layers of a net that halve the map. */
function everySecond({ out, into, bias, kernel: w }, { data: x, pitch, plane }, { data: y, size, plane: step }) {
  for (let o = 0; o < out; o++)
    for (let row = 0; row < size; row++)
      for (let column = 0; column < size; column++) {
        let sum = bias[o];
        for (let c = 0, i = 2 * row * pitch + 2 * column, k = o * into * 9; c < into; c++, i += plane)
          for (let j = i, line = 0; line < 3; line++, j += pitch, k += 3)
            sum += w[k] * x[j] + w[k + 1] * x[j + 1] + w[k + 2] * x[j + 2];
        y[o * step + (row + 1) * (size + 2) + column + 1] = sum;
      }
}

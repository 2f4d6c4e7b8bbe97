// Reads safetensors: eight bytes that tell the header's length, the header as JSON, then the numbers.

const VALUES = { F16: halves, F32: (view) => floats(view), U8: (view) => Float32Array.from(bytes(view)) };
const HALF = new Float32Array(1 << 16);

/** ArrayBuffer -> { tensors: { name: { shape, data: Float32Array } }, metadata: { name: text } }. */
export function readSafetensors(buffer) {
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const { __metadata__: metadata = {}, ...entries } = header;
  const tensors = {};
  for (const [name, { dtype, shape, data_offsets: [from, to] }] of Object.entries(entries)) {
    if (!VALUES[dtype]) throw new Error(`${name} is ${dtype}; known are ${Object.keys(VALUES).join(", ")}`);
    tensors[name] = { shape, data: VALUES[dtype](new DataView(buffer, 8 + length + from, to - from)) };
  }
  return { tensors, metadata };
}

function bytes(view) {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function floats(view) {
  return Float32Array.from({ length: view.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

function halves(view) {
  if (!HALF[1]) for (let bits = 0; bits < HALF.length; bits++) HALF[bits] = half(bits);
  const values = new Float32Array(view.byteLength / 2);
  for (let i = 0; i < values.length; i++) values[i] = HALF[view.getUint16(2 * i, true)];
  return values;
}

/** The value of a half's sixteen bits: sign, five of exponent, ten of fraction. */
function half(bits) {
  const sign = bits >> 15 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -24 * fraction);
}

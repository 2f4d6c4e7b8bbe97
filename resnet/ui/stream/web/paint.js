// Maps of numbers as small pictures, in the page's own colours.

/** Colours as the style sheet has them at this moment: { paper, wash, ink, soft, blue, orange }, each [r, g, b]. */
export function palette(element) {
  const style = getComputedStyle(element), probe = document.createElement("canvas").getContext("2d");
  const colour = (name) => {
    probe.fillStyle = style.getPropertyValue(name);
    return [1, 3, 5].map((at) => parseInt(probe.fillStyle.slice(at, at + 2), 16));
  };
  return { paper: colour("--s-paper"), wash: colour("--s-wash"), ink: colour("--s-ink"), soft: colour("--s-soft"),
    blue: colour("--s-blue"), orange: colour("--s-orange") };
}

/** 256 steps from the paper over the colour towards ink. */
export function ramp({ paper, ink }, colour) {
  const deep = mix(colour, ink, 0.55);
  return Array.from({ length: 256 }, (_, i) =>
    (i < 160 ? mix(paper, colour, i / 160) : mix(colour, deep, (i - 160) / 95)));
}

function mix(a, b, share) {
  return a.map((value, i) => value + (b[i] - value) * share);
}

/** size x size numbers, `low` to `top`, onto a canvas of as many pixels. */
export function paint(canvas, values, [low, top], shades) {
  const size = Math.sqrt(values.length), image = new ImageData(size, size), scale = 255 / (top - low || 1);
  values.forEach((value, i) => set(image, i, shades[Math.min(255, Math.max(0, Math.round(scale * (value - low))))]));
  canvas.width = canvas.height = size;
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** All channels side by side, `across` in a row with a gap of one pixel; negative numbers in `below`'s shades. */
export function paintChannels(canvas, { channels, size, data }, across, above, below) {
  const step = size + 1, rows = Math.ceil(channels / across);
  const top = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  canvas.width = across * step - 1;
  canvas.height = rows * step - 1;
  const context = canvas.getContext("2d");
  for (let c = 0; c < channels; c++) {
    const image = new ImageData(size, size);
    for (let i = 0; i < size * size; i++) {
      const value = data[c * size * size + i] / top;
      set(image, i, (value < 0 ? below : above)[Math.round(255 * Math.abs(value))]);
    }
    context.putImageData(image, (c % across) * step, Math.floor(c / across) * step);
  }
}

function set(image, i, [r, g, b]) {
  image.data.set([r, g, b, 255], 4 * i);
}

/** Grey pixels, 0 to 255, as they are. */
export function paintGrey(canvas, pixels) {
  paint(canvas, pixels, [0, 255], Array.from({ length: 256 }, (_, i) => [i, i, i]));
}

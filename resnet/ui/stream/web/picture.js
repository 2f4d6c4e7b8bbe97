// The visitor's picture: an item, a drawing, or the camera's. Grey pixels, 0 to 255, light on black as in the data set.

import { fill, make } from "./dom.js";
import { paintGrey } from "./paint.js";

const PEN = 1.5;  // pixels to each side

/** The column with the picture. `changed(pixels)` is told of every change. */
export class Picture {
  constructor(size, items, words, changed) {
    this.size = size;
    this.changed = changed;
    this.pixels = new Float32Array(size * size);
    this.canvas = make("canvas.drawing", { width: size, height: size, role: "img", "aria-label": words.picture,
      pointerdown: (event) => this._press(event), pointermove: (event) => this._move(event) });
    this.camera = make("button", { type: "button", click: () => this._camera(words) }, words.camera);
    this.told = make("p.note", { role: "status" });
    this.thumbs = items.map((item) => this._thumb(item, words));
    this.element = make("div.picture", {}, make("h3", {}, words.picture), this.canvas,
      make("p.buttons", {}, make("button", { type: "button", click: () => this.clear() }, words.clear), this.camera),
      this.told, make("div.thumbs", { role: "group", "aria-label": words.items }, ...this.thumbs));
  }

  _thumb({ pixels, label, n }, words) {
    const canvas = make("canvas"), name = fill(words.item, { label: words.labels[label] ?? label, n });
    paintGrey(canvas, pixels);
    return make("button", { type: "button", title: name, "aria-label": name, "aria-pressed": "false",
      click: (event) => this.show(pixels, event.currentTarget) }, canvas);
  }

  /** Take these pixels; `from` is the item's button. */
  show(pixels, from = null) {
    this._stop();
    this.pixels = Float32Array.from(pixels);
    this._tell(from);
  }

  clear() {
    this.show(new Float32Array(this.size ** 2));
  }

  _tell(from = null) {
    for (const thumb of this.thumbs) thumb.setAttribute("aria-pressed", thumb === from);
    paintGrey(this.canvas, this.pixels);
    this.changed(this.pixels);
  }

  _at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width * this.size, (event.clientY - box.top) / box.height * this.size];
  }

  _press(event) {
    if (event.button) return;
    this._stop();
    this.canvas.setPointerCapture(event.pointerId);
    this.last = this._at(event);
    this._stroke(this.last);
  }

  _move(event) {
    if (!event.buttons || !this.last) return;
    for (const one of [...event.getCoalescedEvents?.() ?? [], event]) this._stroke(this._at(one));
  }

  /** A soft line from the last point to this one. */
  _stroke([x, y]) {
    const [x0, y0] = this.last, steps = Math.ceil(2 * Math.hypot(x - x0, y - y0)) || 1;
    for (let step = 1; step <= steps; step++) this._dot(x0 + (x - x0) * step / steps, y0 + (y - y0) * step / steps);
    this.last = [x, y];
    this._tell();
  }

  _dot(x, y) {
    for (let row = Math.max(0, Math.floor(y - 2)); row < Math.min(this.size, y + 2); row++)
      for (let column = Math.max(0, Math.floor(x - 2)); column < Math.min(this.size, x + 2); column++) {
        const ink = 255 * Math.min(1, Math.max(0, PEN - Math.hypot(column + 0.5 - x, row + 0.5 - y)));
        const i = row * this.size + column;
        if (ink > this.pixels[i]) this.pixels[i] = ink;
      }
  }

  /** First click: the camera runs through the nets, live. Second: its last picture stays, and it is off. */
  async _camera(words) {
    if (this.video) return this._stop();
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 240 } });
      this.video = Object.assign(make("video"), { srcObject: stream, muted: true, playsInline: true });
      await this.video.play();
    } catch {
      this._stop();
      this.told.textContent = words.no_camera;
      return undefined;
    }
    this.camera.textContent = words.take;
    this.told.textContent = words.camera_note;
    this._off = () => { this.camera.textContent = words.camera; };
    return this._film();
  }

  _film() {
    if (!this.video) return;
    this.pixels = squared(this.video, this.size);
    this._tell();
    requestAnimationFrame(() => this._film());
  }

  _stop() {
    this.told.textContent = "";
    for (const track of this.video?.srcObject?.getTracks() ?? []) track.stop();
    this.video = null;
    this._off?.();
  }
}

/** The middle square of a frame in grey, stretched from black to white, its bright surroundings turned dark. */
export function squared(video, size) {
  const canvas = make("canvas", { width: size, height: size }), context = canvas.getContext("2d");
  const side = Math.min(video.videoWidth, video.videoHeight);
  context.drawImage(video, (video.videoWidth - side) / 2, (video.videoHeight - side) / 2, side, side, 0, 0, size, size);
  const { data } = context.getImageData(0, 0, size, size);
  const grey = Float32Array.from({ length: size * size }, (_, i) =>
    0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]);
  const low = Math.min(...grey), span = Math.max(...grey) - low || 1;
  const corners = [0, size - 1, size * (size - 1), size * size - 1].map((i) => (grey[i] - low) / span);
  const bright = corners.reduce((sum, value) => sum + value, 0) > 2;
  return grey.map((value) => 255 * (bright ? 1 - (value - low) / span : (value - low) / span));
}

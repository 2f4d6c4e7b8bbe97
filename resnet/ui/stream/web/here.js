// The stream as evidence: where an answer leaves a place for it, it runs the picture that the net was shown.

import { mount } from "./stream.js";

let stream = null, last = Promise.resolve();

/** Take `root` (part.py: stream_html) into the empty place that stands in `column`, if one still does. */
export function here(root, column) {
  last = last.then(() => settle(root, column)).catch((error) => console.warn(error));
  return last;
}

async function settle(root, column) {
  const place = column.querySelector(".stream-here:not(.last *, :has(.stream))");
  if (!place) return;
  place.append(root);
  const { set, pixels } = place.dataset;
  root.dataset.set = set;
  stream ??= await mount(root);
  if (stream.set.name !== set) await stream.turn(set);
  stream.picture.show(Uint8Array.from(atob(pixels), (byte) => byte.charCodeAt(0)));
  await stream.settled;
}

// One net in a thread of its own. A message { id, call, values } is answered by { id, result } or { id, error }.

import { Net, whole } from "./net.js";
import { arithmetic, channels, seen, softmax } from "./view.js";

let net = null, reference = null, last = null;

const calls = {
  async load(address) {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
    const buffer = await answer.arrayBuffer();
    [net, reference] = [new Net(buffer), new Net(buffer)];
    return { ...net.about, blocks: net.kinds() };
  },
  run(pixels, edits) {
    const started = performance.now();
    if (pixels) net.look(last = pixels);
    const computed = net.run(edits);
    return { ms: performance.now() - started, computed, ...seen(net) };
  },
  /** Probabilities of the net without edits, for the last picture. */
  whole() {
    reference.look(last);
    reference.run(whole(reference.blocks.length));
    return softmax(reference.logits);
  },
  channels: (place, part) => channels(net, place, part),
  arithmetic: (...at) => arithmetic(net, ...at),
};

onmessage = async ({ data: { id, call, values } }) => {
  try {
    postMessage({ id, result: await calls[call](...values) });
  } catch (error) {
    postMessage({ id, error: String(error) });
  }
};

// One net in a thread of its own. A message { id, call, values } is answered by { id, result } or { id, error }.

import { Net } from "./net.js";
import { arithmetic, channels, seen } from "./view.js";

let net = null;

const calls = {
  async load(address) {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
    net = new Net(await answer.arrayBuffer());
    return net.about;
  },
  run(pixels, edits) {
    const started = performance.now();
    if (pixels) net.look(pixels);
    const computed = net.run(edits);
    return { ms: performance.now() - started, computed, ...seen(net) };
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

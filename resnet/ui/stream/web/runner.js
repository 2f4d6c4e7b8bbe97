// A net in a worker, as the page calls it.

const CALLS = ["load", "run", "whole", "channels", "arithmetic"];

/** A worker that holds a net; each of CALLS is a function whose answer is to be awaited. */
export function runner() {
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" }), waiting = new Map();
  let last = 0;
  worker.onmessage = ({ data: { id, result, error } }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error) reject(new Error(error));
    else resolve(result);
  };
  worker.onerror = (event) => {
    for (const { reject } of waiting.values()) reject(new Error(event.message || "worker"));
    waiting.clear();
  };
  const call = (name) => (...values) => new Promise((resolve, reject) => {
    waiting.set(++last, { resolve, reject });
    worker.postMessage({ id: last, call: name, values });
  });
  return { ...Object.fromEntries(CALLS.map((name) => [name, call(name)])), stop: () => worker.terminate() };
}

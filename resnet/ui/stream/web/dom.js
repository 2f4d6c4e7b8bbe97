// Elements, sentences and numbers.

const SVG = "http://www.w3.org/2000/svg";

/** make("button.name", { title: "..." }, child, "text", ...). Values that are functions listen. */
export function make(kind, values = {}, ...children) {
  const [tag, ...classes] = kind.split(".");
  return dress(document.createElement(tag), classes, values, children);
}

/** The same for drawings. */
export function draw(kind, values = {}, ...children) {
  const [tag, ...classes] = kind.split(".");
  return dress(document.createElementNS(SVG, tag), classes, values, children);
}

function dress(element, classes, values, children) {
  if (classes.length) element.setAttribute("class", classes.join(" "));
  for (const [name, value] of Object.entries(values)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== false && value !== null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** "block {n}" and { n: 3 } -> "block 3". */
export function fill(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** A share as the page prints it: 0.9973 -> "99.7", 0.004 -> "0.4". */
export function percent(share) {
  const value = 100 * share;
  return value > 99.95 || value < 0.05 ? value.toFixed(0) : value.toFixed(1);
}

/** Two digits behind the point, with a true minus, and none before zero. */
export function number(value) {
  return value.toFixed(2).replace(/^-(?=[0.]*$)/, "").replace("-", "\u2212");
}

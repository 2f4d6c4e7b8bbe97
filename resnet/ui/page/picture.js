// A view's figure as a picture of its own: title, sentence, figures as they stand, source, link.
// Only charts and drawings of ours are looked for: whatever a visitor brought is neither.
(() => {
  const seen = (element) => element.offsetParent !== null;
  const first = (kinds) => [...document.querySelectorAll(kinds)].find(seen);
  const charts = () => [...document.querySelectorAll(".chart .plot")].filter((one) => one.picture && seen(one));
  const drawing = () => [...document.querySelectorAll(".start .stage svg, #trace .map svg")].find((one) => one.getBoundingClientRect().width);
  const PAINT = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-dashoffset", "stroke-linejoin", "opacity",
    "visibility", "display", "font-family", "font-size", "font-style", "font-weight", "text-anchor"];
  const still = (svg) => {
    const copied = svg.cloneNode(true), parts = copied.querySelectorAll("*"), { width, height } = svg.getBoundingClientRect();
    svg.querySelectorAll("*").forEach((part, i) => {
      const style = getComputedStyle(part);
      parts[i].setAttribute("style", PAINT.map((name) => `${name}:${style.getPropertyValue(name)}`).join(";"));
    });
    for (const [name, value] of Object.entries({ xmlns: "http://www.w3.org/2000/svg", width, height })) copied.setAttribute(name, value);
    return "data:image/svg+xml;charset=utf-8," + encodeURIComponent(new XMLSerializer().serializeToString(copied));
  };
  const WIDTH = 1200, EDGE = 48, SCALE = 2;
  const loaded = async (source) => {
    const image = Object.assign(new Image(), { src: source });
    await image.decode();
    return image;
  };
  const figures = async () => {
    const found = charts(), places = found.length ? found : [drawing()];
    const boxes = places.map((one) => one.getBoundingClientRect());
    const left = Math.min(...boxes.map((box) => box.left)), top = Math.min(...boxes.map((box) => box.top));
    const across = Math.max(...boxes.map((box) => box.right)) - left;
    const scale = (WIDTH - 2 * EDGE) / across;
    return Promise.all(places.map(async (place, i) => {
      const { width, height } = boxes[i];
      const source = place.picture ? await place.picture({ format: "svg", width, height }) : still(place);
      return { image: await loaded(source), x: EDGE + (boxes[i].left - left) * scale, y: (boxes[i].top - top) * scale,
        width: width * scale, height: height * scale };
    }));
  };
  // A part of the picture draws itself at a height and says where the next begins.
  const wrapped = (pen, text) => {
    const lines = [""];
    for (const word of text.trim().split(/(?<=\s)|(?=[\u3000-\u9fff])/u)) {
      if (pen.measureText(lines.at(-1) + word).width > WIDTH - 2 * EDGE && lines.at(-1)) lines.push("");
      lines.push(lines.pop() + word);
    }
    return lines;
  };
  const words = (text, size, colour, weight = "normal") => (pen, y) => {
    pen.font = `${weight} ${size}px ${getComputedStyle(document.querySelector(".gradio-container")).fontFamily}`;
    pen.fillStyle = colour;
    for (const line of text ? wrapped(pen, text) : []) pen.fillText(line, EDGE, (y += 1.4 * size) - .35 * size);
    return y + 10;
  };
  const pictures = (all) => (pen, y) => {
    for (const one of all) pen.drawImage(one.image, one.x, y + one.y, one.width, one.height);
    return y + Math.max(...all.map((one) => one.y + one.height)) + 14;
  };

  const parts = async (ink, soft) => {
    const scene = first(".start .scene.on");
    const said = (kinds) => (scene ? [...scene.querySelectorAll(kinds)] : [first(`.result ${kinds}`)])
      .map((one) => one?.innerText ?? "").join(" ");
    const source = first(scene ? ".start .stage .source" : ".result .source")?.innerText;
    return [words(said("h2") || document.title, 34, ink, "bold"), words(said(scene ? "p" : ".lead"), 20, ink),
      pictures(await figures()), words(source, 14, soft), words(window.linkTo(), 14, soft)];
  };
  const painted = (paper, all) => {
    const canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
    const paint = () => all.reduce((y, part) => part(pen, y), EDGE);
    const height = paint() + EDGE / 2;  // the first time only to know this
    Object.assign(canvas, { width: WIDTH * SCALE, height: height * SCALE });
    pen.scale(SCALE, SCALE);
    pen.fillStyle = paper;
    pen.fillRect(0, 0, WIDTH, height);
    paint();
    return canvas.toDataURL("image/png");
  };
  const rested = () => Promise.all(document.getAnimations()  // what runs for ever is no transition
    .filter((one) => one.effect.getTiming().iterations !== Infinity).map((one) => one.finished.catch(() => null)));
  const picture = async () => {
    await rested();
    const style = getComputedStyle(document.body);  // charts are drawn in light colours, and dressed by the page
    const [paper, ink, soft] = charts().length ? ["#ffffff", "#1a202c", "#566374"]
      : ["--paper", "--ink", "--ink-soft"].map((name) => style.getPropertyValue(name));
    const href = painted(paper, await parts(ink, soft));
    Object.assign(document.createElement("a"), { href, download: "residual-networks.png" }).click();
  };
  window.takes.picture = picture;
  document.addEventListener("toggle", (event) => {  // a picture is offered where there is a figure of ours
    const offer = event.target.matches?.(".share") && event.target.querySelector("[data-take=picture]");
    if (offer) offer.hidden = !charts().length && !drawing();
  }, true);
})();

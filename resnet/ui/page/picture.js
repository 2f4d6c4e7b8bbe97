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
  const wrapped = (pen, words) => {
    const lines = [""];
    for (const word of words.trim().split(/(?<=\s)|(?=[\u3000-\u9fff])/u)) {
      if (pen.measureText(lines.at(-1) + word).width > WIDTH - 2 * EDGE && lines.at(-1)) lines.push("");
      lines.push(lines.pop() + word);
    }
    return lines;
  };
  const picture = async () => {
    const drawn = await figures(), style = getComputedStyle(document.body);
    const [paper, ink, soft] = charts().length ? ["#ffffff", "#1a202c", "#566374"]
      : ["--paper", "--ink", "--ink-soft"].map((name) => style.getPropertyValue(name));
    const scene = first(".start .scene.on");
    const said = (kinds) => (scene?.querySelector(kinds) ?? first(`.result ${kinds}`))?.innerText ?? "";
    const texts = [[said("h2") || document.title, "bold 34px", ink, 44], [said(scene ? "p" : ".lead"), "20px", ink, 30], null,
      [first(scene ? ".start .stage .source" : ".result .source")?.innerText ?? "", "14px", soft, 21], [window.linkTo(), "14px", soft, 21]];
    const canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
    const steps = [];
    let y = EDGE;
    for (const part of texts) {
      if (!part) {
        for (const one of drawn) { const at = y + one.y; steps.push(() => pen.drawImage(one.image, one.x, at, one.width, one.height)); }
        y += Math.max(...drawn.map((one) => one.y + one.height)) + 14;
        continue;
      }
      const [words, size, colour, step] = part;
      pen.font = `${size} ${style.fontFamily}`;
      for (const line of words ? wrapped(pen, words) : []) {
        const at = y += step;
        steps.push(() => { pen.font = `${size} ${style.fontFamily}`; pen.fillStyle = colour; pen.fillText(line, EDGE, at - step / 4); });
      }
      y += 10;
    }
    canvas.width = WIDTH * SCALE;
    canvas.height = (y + EDGE / 2) * SCALE;
    pen.scale(SCALE, SCALE);
    pen.fillStyle = paper;
    pen.fillRect(0, 0, canvas.width, canvas.height);
    steps.forEach((step) => step());
    Object.assign(document.createElement("a"), { href: canvas.toDataURL("image/png"), download: "residual-networks.png" }).click();
  };
  window.takes.picture = picture;
  document.addEventListener("toggle", (event) => {  // a picture is offered where there is a figure of ours
    const offer = event.target.matches?.(".share") && event.target.querySelector("[data-take=picture]");
    if (offer) offer.hidden = !charts().length && !drawing();
  }, true);
})();

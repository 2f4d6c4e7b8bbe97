// Start: the scene in the middle of the window is the present one; its figure shows, its number stands in the address.
(() => {
  const all = (kind) => document.querySelectorAll(`.start ${kind}`);

  const address = (number) => {
    const next = new URLSearchParams(location.search);
    if ((next.get("tab") ?? "start") !== "start") return;
    next.delete("tab");
    next.delete("scene");
    if (number !== "1") next.set("scene", number);
    window.address(next, "replaceState");
  };

  const show = (number) => {
    const start = document.querySelector(".start");
    if (start.dataset.now === number) return;
    const opening = !start.dataset.now;
    start.dataset.scene = start.dataset.now = number;
    for (const one of all("[data-scene]")) one.classList.toggle("on", one.dataset.scene === number);
    if (!opening) address(number);
  };

  // On a phone the figure covers the upper half.
  const nearest = () => {
    const middle = innerHeight * (innerWidth > 900 ? .5 : .72);
    const away = (scene) => {
      const { top, bottom, height } = scene.getBoundingClientRect();
      return height ? Math.abs((top + bottom) / 2 - middle) : Infinity;
    };
    const [first] = [...all(".scene")].sort((one, other) => away(one) - away(other));
    if (first && away(first) < Infinity) show(first.dataset.scene);
  };

  const go = (number, behavior = "auto") => {
    const scene = document.getElementById(`scene-${number}`);
    const { top, height } = scene.getBoundingClientRect();
    scrollTo({ top: scrollY + top + height / 2 - innerHeight * (innerWidth > 900 ? .5 : .72), behavior });
  };

  window.goToScene = (number) => go(number, matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth");
  window.openScenes = () => {
    const query = new URLSearchParams(location.search);
    const number = (query.get("tab") ?? "start") === "start" && Number(query.get("scene"));
    if (number > 1 && document.getElementById(`scene-${number}`)) go(number);
    nearest();
  };
  addEventListener("scroll", () => requestAnimationFrame(nearest), { passive: true });
  addEventListener("resize", () => requestAnimationFrame(nearest));
  document.addEventListener("click", (event) => {
    const dot = event.target.closest?.(".start .dots a");
    if (!dot) return;
    event.preventDefault();
    window.goToScene(dot.dataset.scene);
  });
})();

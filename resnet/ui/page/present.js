// Before a class: arrows lead through scenes and panels, a square leads phones to the same view.
(() => {
  const present = "present" in document.documentElement.dataset;
  window.takes.present = () => location.assign(window.linkTo({ present: 1 }));
  if (!present) return;
  const square = async () => {
    const shelf = new URL("shipped/page/", document.baseURI), place = document.querySelector(".qr");
    const [{ generate }, { toSvgSource }] = await Promise.all(["lean-qr.js", "lean-qr-svg.js"].map((name) => import(new URL(name, shelf))));
    if (place) place.innerHTML = toSvgSource(generate(window.linkTo()), { on: "#000000", off: "#ffffff", pad: 2 });
  };
  const step = (by) => {
    const start = document.querySelector(".start"), questions = [...document.querySelectorAll("#questions input")];
    const open = (tab) => document.querySelector(`#tabs [role=tab][data-tab-id=${tab}]`).click();
    if (start?.offsetParent) {
      const scene = Number(start.dataset.now) + by;
      if (document.getElementById(`scene-${scene}`)) window.goToScene(String(scene));
      else if (by > 0) open("compare");
      return;
    }
    const at = questions.findIndex((one) => one.checked) + by;
    if (questions[at]) questions[at].click();
    else if (by < 0) open("start");
  };
  const BY = { ArrowRight: 1, PageDown: 1, ArrowLeft: -1, PageUp: -1 };
  addEventListener("keydown", (event) => {
    if (event.target.matches?.("input:not([type=radio]), textarea, select") || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Escape") location.assign(window.linkTo());
    if (!BY[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    step(BY[event.key]);
  }, true);
  addEventListener("viewchange", square);
})();

// The Trace tab: blocks are opened in the map; what belongs together in map, bars and tables lights up together; the
// map is zoomed and moved.
(() => {
  // A place is spelled "conv2_x/layer1.0/layer1.0.conv1" and lies within what it begins with.
  const within = (one, other) => one === other || one.startsWith(other + "/");

  const link = (element) => {
    const light = (place) => {
      for (const part of element.querySelectorAll("[data-at]")) {
        const at = part.dataset.at;
        part.classList.toggle("lit", place !== undefined && (within(at, place) || within(place, at)));
      }
    };
    const over = ({ target }) => {
      light(target.closest("[data-at]")?.dataset.at);
      const row = element.querySelector("#layers tr.lit"), list = row?.closest(".scroll");
      if (row && !list.contains(target)) list.scrollTop = row.offsetTop - list.querySelector("thead").offsetHeight;
    };
    element.addEventListener("pointerover", over);
    element.addEventListener("focusin", over);
    element.addEventListener("pointerleave", () => light());
  };

  const open = (element, trigger) => {
    const pick = (event) => {
      const block = event.target.closest("[data-block]")?.dataset.block;
      if (!block || (event.type === "keydown" && event.key !== "Enter" && event.key !== " ")) return;
      event.preventDefault();
      window.inTurn(() => trigger("select", { block }));
    };
    element.addEventListener("click", pick);
    element.addEventListener("keydown", pick);
  };

  const STEP = 1.5, MOST = 8, STILL = 4;  // pixels that a click may tremble
  const zoom = (element) => {
    let scale = 1, left = 0, top = 0;  // kept from drawing to drawing
    let own = null;  // the drawing's style as it came
    const frame = () => element.querySelector(".zoomable .map");
    const natural = (box, svg) => {
      box.style.height = "";
      svg.setAttribute("style", own ??= svg.getAttribute("style"));
      return svg.getBoundingClientRect();
    };
    const show = () => {
      const box = frame(), svg = box?.querySelector("svg");
      if (!svg) return;
      const { width, height } = natural(box, svg);
      scale = Math.min(Math.max(scale, Math.min(1, box.clientWidth / width)), MOST);
      if (scale === 1) return;
      if (scale > 1) box.style.height = `${height}px`;
      svg.setAttribute("style", `width: ${width * scale}px`);
    };
    const to = (next, x = frame().clientWidth / 2, y = frame().clientHeight / 2) => {
      const box = frame(), before = scale, [atX, atY] = [box.scrollLeft + x, box.scrollTop + y];
      scale = next;
      show();
      box.scrollLeft = atX * scale / before - x;
      box.scrollTop = atY * scale / before - y;
    };
    const at = (point) => {
      const { left: x, top: y } = frame().getBoundingClientRect();
      return [point.clientX - x, point.clientY - y];
    };
    const WAYS = { in: () => to(scale * STEP), out: () => to(scale / STEP), whole: () => to(0) };
    element.addEventListener("click", ({ target }) => WAYS[target.closest("[data-zoom]")?.dataset.zoom]?.());
    element.addEventListener("scroll", ({ target }) => {
      if (target === frame()) ({ scrollLeft: left, scrollTop: top } = target);
    }, true);
    element.addEventListener("wheel", (event) => {  // pinching a touchpad is told as a wheel with Ctrl
      if (!event.target.closest(".zoomable .map") || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      to(scale * Math.exp(-event.deltaY / 200), ...at(event));
    }, { passive: false });

    let apart = 0;  // of two fingers, for a scale of 1
    const spread = ([one, other]) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
    element.addEventListener("touchstart", ({ touches, target }) => {
      if (touches.length === 2 && target.closest(".zoomable .map")) apart = spread(touches) / scale;
    }, { passive: true });
    element.addEventListener("touchmove", (event) => {
      if (event.touches.length !== 2 || !event.target.closest(".zoomable .map")) return;
      event.preventDefault();
      to(spread(event.touches) / apart, ...at(event.touches[0]));
    }, { passive: false });

    let from = null, moved = false;
    element.addEventListener("pointerdown", (event) => {
      if (event.pointerType !== "mouse" || event.button || !event.target.closest(".zoomable .map")) return;
      from = { x: event.clientX, y: event.clientY, left: frame().scrollLeft, top: frame().scrollTop };
    });
    addEventListener("pointermove", ({ clientX, clientY }) => {
      if (!from) return;
      moved ||= Math.hypot(clientX - from.x, clientY - from.y) > STILL;
      if (moved) frame()?.scrollTo(from.left - clientX + from.x, from.top - clientY + from.y);
    });
    addEventListener("pointerup", () => { from = null; setTimeout(() => { moved = false; }); });  // after its click
    element.addEventListener("click", (event) => { if (moved) event.stopImmediatePropagation(); }, true);
    return () => { const [x, y] = [left, top]; own = null; show(); frame()?.scrollTo(x, y); };
  };

  window.mountTrace = (element, trigger, watch) => {
    link(element);
    open(element, trigger);
    watch("value", zoom(element));
  };
})();

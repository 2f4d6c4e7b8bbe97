// Figures: plotly comes from this server once there is something to draw, in the smallest bundle that can draw it.
(() => {
  const FLAT = ["scatter", "bar", "pie"];
  const DEEP = ["scatter3d", "surface", "mesh3d", "isosurface", "volume", "cone", "streamtube"];
  const DESK = 12;  // pixels: the letters that the figures' margins are made for
  const LEGIBLE = { screen: 0, projector: 14, present: 19 };  // pixels: the smallest letters

  const bundleOf = (traces) => {
    const kinds = traces.map((trace) => trace.type ?? "scatter");
    if (kinds.every((kind) => FLAT.includes(kind))) return "basic";
    return kinds.some((kind) => DEEP.includes(kind)) ? "gl3d" : "cartesian";
  };
  const bundles = {};
  const bundle = (name) => bundles[name] ??= new Promise((loaded, failed) => {
    const script = document.createElement("script");
    script.src = new URL(`shipped/page/plotly-${name}.min.js`, document.baseURI);
    script.onload = () => loaded(window.Plotly);
    script.onerror = () => { delete bundles[name]; failed(new Error(script.src)); };
    document.head.append(script);
  });

  // Letters are never smaller than the place asks for; what stands around a plot grows with them.
  const smallest = () => LEGIBLE["present" in document.documentElement.dataset ? "present"
    : innerWidth >= 1800 ? "projector" : "screen"];
  const enlarge = (part, least) => {
    for (const [key, value] of Object.entries(part ?? {})) {
      if (!value || typeof value !== "object") continue;
      if (/font$/i.test(key) && value.size < least) value.size = least;
      enlarge(value, least);
    }
  };
  const dressed = (figure, top) => {
    const least = smallest(), { layout } = figure;
    enlarge(figure.data, least);
    enlarge(layout, least);
    layout.font = { ...layout.font, size: Math.max(layout.font?.size ?? 12, least) };
    layout.autosize = true;
    const wider = Math.max(1, least / DESK);
    const { l = 56, r = 24, t = 40, b = 52 } = layout.margin ?? {};
    layout.margin = { l: l * wider, r: r * wider, t: t * wider, b: b * wider, autoexpand: true };
    if (least > LEGIBLE.projector) layout.height = Math.max(layout.height ?? 0, Math.min(.62 * innerHeight, 760));
    const room = innerHeight - top - 30;  // in a frame nobody wants to scroll
    if ("embed" in document.documentElement.dataset && room > 200) layout.height = Math.min(layout.height ?? room, room);
    return figure;
  };

  // Scenes that belong together are turned together.
  const turned = new Set();
  const turnTogether = (plotly, place, layout) => {
    turned.delete(place);
    if (layout.meta?.turns !== "together") return;
    turned.add(place);
    for (const told of ["plotly_relayouting", "plotly_relayout"]) place.on(told, (change) => turn(plotly, place, change));
  };
  const turn = (plotly, place, change) => {
    const camera = change["scene.camera"];
    if (!camera || place.next !== undefined) return;  // what one tells that is led is not a visitor's
    for (const other of turned) if (other !== place && other.isConnected && other.offsetWidth) lead(plotly, other, camera);
  };
  const lead = async (plotly, other, camera) => {
    const turning = other.next !== undefined;
    other.next = camera;  // while it turns, the last of several is enough
    if (turning) return;
    while (other.next) {
      const now = structuredClone(other.next);
      other.next = null;
      await plotly.relayout(other, { "scene.camera": now });
    }
    delete other.next;
  };

  window.mountFigure = (element, props, watch) => {
    const place = element.querySelector(".plot");
    let asked = 0;
    const draw = async () => {
      const mine = ++asked;
      if (!props.value) return;
      const { data, layout, config } = dressed(JSON.parse(props.value), place.getBoundingClientRect().top);
      place.style.minHeight = `${layout.height ?? 0}px`;  // so that nothing below it moves
      const plotly = await bundle(bundleOf(data));
      if (mine !== asked) return;
      await plotly.newPlot(place, data, layout, { responsive: true, ...config });  // react leaves lines where an area comes
      turnTogether(plotly, place, layout);
      place.picture = (options) => plotly.toImage(place, options);
      place.fit = () => plotly.Plots.resize(place);
    };
    new ResizeObserver(() => place.offsetWidth && place.fit?.()).observe(element);
    watch("value", draw);
    draw();
  };
})();

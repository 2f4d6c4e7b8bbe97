// Put into the page's head before Gradio starts: language, address bar, and small clicks.
(() => {
  const query = new URLSearchParams(location.search);
  const wanted = query.get("lang") || navigator.language || "";
  const locales = LANGUAGES_OF_TEXT_PY;
  const codes = Object.keys(locales);
  const lang = codes.find((code) => wanted.toLowerCase().startsWith(code)) ?? codes[0];
  const locale = locales[lang];
  Object.defineProperty(navigator, "language", { get: () => locale });
  Object.defineProperty(navigator, "languages", { get: () => [locale] });
  document.documentElement.lang = locale;
  const only = document.createElement("style");  // of what stands on the page in every language
  only.textContent = `[data-in]:not([data-in="${lang}"]) { display: none !important; }
    .pill [data-lang="${lang}"] { font-weight: 650; }`;
  document.head.append(only);

  // How one looks at a view stands in the address too, beside the view: embedded in another page, or before a class.
  const MODES = ["embed", "present", "lecture"];
  for (const mode of MODES) if (query.get(mode) === "1") document.documentElement.dataset[mode] = "";
  const KEPT = ["lang", "__theme", "embed", "present"];

  const isLeft = (view) => {
    const open = document.querySelector("#tabs [role=tab][aria-selected=true]");
    const panel = document.querySelector("#questions input:checked");
    return (open && open.dataset.tabId !== view.get("tab"))
      || (view.has("panel") && panel && panel.value !== view.get("panel"));
  };
  const put = (next) => {
    const now = new URLSearchParams(location.search);
    const bare = next.get("tab") === "start" || (next.get("tab") === "trace" && next.size > 1);
    if (bare) next.delete("tab");  // as the server reads a link that names no tab
    for (const key of KEPT) if (now.has(key)) next.set(key, now.get(key));
    next.sort(); now.sort();
    if (next.toString() !== now.toString()) window.address(next, "pushState");
  };
  window.address = (next, how) => {
    history[how](null, "", next.size ? "?" + next : location.pathname);
    tellSpace(next);
    dispatchEvent(new Event("viewchange"));
  };
  // A Space's page keeps the app in a frame, and takes its address from what the frame says.
  const SPACE_PAGE = "https://huggingface.co";
  const tellSpace = (next) => {
    if (parent === window || (location.ancestorOrigins?.[0] ?? SPACE_PAGE) !== SPACE_PAGE) return;
    const told = new URLSearchParams([...next].filter(([name]) => !name.startsWith("__")));
    parent.postMessage({ queryString: told.toString(), hash: "" }, SPACE_PAGE);
  };
  // Gradio also draws when the page opens; only what a visitor did is a new address.
  let touched = false;
  for (const kind of ["click", "keydown", "input", "drop"])
    addEventListener(kind, () => { touched = true; }, { capture: true, once: true });
  // The last view of each tab and panel. What is open stands in the address bar; a late answer of what was left does not.
  const shown = {};
  const showOpened = () => {
    for (const view of Object.values(shown)) {
      const next = new URLSearchParams(view);
      if (touched && !isLeft(next)) put(next);
    }
  };
  window.showOpened = () => setTimeout(showOpened);  // after the page has turned
  window.showInAddressBar = (view) => {  // called with each answer's query string that differs from the one before
    const next = new URLSearchParams(view);
    shown[`${next.get("tab")}/${next.get("panel")}`] = view;
    showOpened();
    dispatchEvent(new Event("viewchange"));
  };
  addEventListener("popstate", () => location.reload());

  // Clicks inside figures go one at a time: each is asked with what the one before has set. (Left to itself,
  // Gradio repeats the first of two quick clicks in place of the second.)
  const waiting = [];
  let asked = false;
  window.inTurn = (ask) => {
    if (asked) waiting.push(ask);
    else { asked = true; ask(); }
  };
  window.answered = () => {
    asked = false;
    if (waiting.length) window.inTurn(waiting.shift());
  };

  document.addEventListener("click", (event) => {
    const target = event.target.closest("[data-lang],a[href^='?tab=']");
    if (!target) return;
    if (target.href && !target.dataset.lang) {  // another view, looked at in the same way
      const next = new URLSearchParams(target.search), now = new URLSearchParams(location.search);
      for (const key of KEPT) if (now.has(key) && !next.has(key)) next.set(key, now.get(key));
      target.search = next;
      return;
    }
    event.preventDefault();
    const next = new URLSearchParams(location.search);
    next.set("lang", target.dataset.lang);
    location.search = next;
  });

  // On a phone the questions are one menu, which the list behind it fills and follows.
  window.mountMenu = (element) => {
    const menu = element.querySelector("select"), list = () => [...document.querySelectorAll("#questions label")];
    const fill = () => menu.replaceChildren(...list().map((one) => {
      const { value, checked } = one.querySelector("input");
      return new Option(one.textContent.trim(), value, checked, checked);
    }));
    menu.addEventListener("change", () => document.querySelector(`#questions input[value="${menu.value}"]`).click());
    addEventListener("viewchange", fill);
    new MutationObserver((_, watch) => { if (list().length) { watch.disconnect(); fill(); } })
      .observe(document.body, { childList: true, subtree: true });
    fill();
  };

  // <input data-filter="#rows"> hides the rows that do not contain its words.
  document.addEventListener("input", (event) => {
    const table = event.target.dataset?.filter;
    if (!table) return;
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of document.querySelectorAll(`${table} tbody tr`)) {
      const line = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => line.includes(word));
    }
  });
})();

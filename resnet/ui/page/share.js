// What is taken from a view: its title, its link, code that embeds it.
(() => {
  // As resnet.ui.page.card decides.
  const titled = () => {
    const query = new URLSearchParams(location.search), open = document.querySelector("#tabs [role=tab][aria-selected=true]");
    const tab = query.get("tab") ?? open?.dataset.tabId ?? "start";
    const panel = query.get("panel") ?? document.querySelector("#questions input:checked")?.value;
    if (tab === "trace" && query.get("variant")) return window.TITLES["trace/net"].replace("{net}", query.get("variant"));
    if (tab === "start") return window.TITLES[`start/${query.get("scene")}`] ?? window.TITLES.start;
    return window.TITLES[tab === "compare" ? `compare/${panel}` : tab];
  };
  const entitle = () => {
    const title = titled(), site = window.TITLES.start;
    if (title) document.title = title === site ? site : `${title} · ${site}`;
  };

  // The view's address for others: without a private Space's key, and without how one looks at it here.
  const link = (more = {}, without = ["__sign", "__theme", "embed", "present"]) => {
    const found = new URL(location.href);
    for (const key of without) if (found.searchParams.has(key)) found.searchParams.delete(key);
    for (const [key, value] of Object.entries(more)) found.searchParams.set(key, value);
    return found.href;
  };
  window.linkTo = link;

  // A page over plain http has no clipboard, and one in another site's frame may lack the permission.
  const copy = async (words) => {
    try {
      await navigator.clipboard.writeText(words);
    } catch {
      const field = Object.assign(document.createElement("textarea"), { value: words });
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
  };
  const frame = () => {
    const made = document.createElement("iframe");
    const looks = { src: link({ embed: 1 }), title: document.title, width: "100%", height: "640", loading: "lazy", style: "border:0" };
    for (const [name, value] of Object.entries(looks)) made.setAttribute(name, value);
    return made.outerHTML;
  };

  window.takes = { copy: () => copy(link({}, ["__sign"])), embed: () => copy(frame()) };  // picture.js and present.js add theirs
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-take]"), menu = document.querySelector(".share[open]");
    if (menu && !menu.contains(event.target)) menu.open = false;
    if (!button) return;
    await window.takes[button.dataset.take]();
    button.dataset.done = "yes";
    setTimeout(() => delete button.dataset.done, 1600);
  });
  // In another page's frame: the way to the whole page.
  const back = () => { const way = document.querySelector(".back a"); if (way) way.href = link(); };
  addEventListener("viewchange", entitle);
  addEventListener("viewchange", back);
})();

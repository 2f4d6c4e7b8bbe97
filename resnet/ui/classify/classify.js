// The Classify tab: its menus of weights, and the last answer, which stays while others come or fail.
(() => {
  const OTHER = "?";  // of the menu: one that is not in it

  window.mountModels = (element, props, trigger, watch) => {
    const here = [...element.querySelectorAll("[data-in]")].filter((one) =>
      document.documentElement.lang.startsWith(one.dataset.in) || one.remove())[0];
    const menu = here.querySelector("select"), line = here.querySelector("input");
    const show = () => {
      const name = props.value ?? "";
      if (![...menu.options].some((option) => option.value === name)) {
        (menu.querySelector("optgroup:last-of-type") ?? menu).append(new Option(name, name));
      }
      menu.value = name;
      line.hidden = true;
    };
    const take = (name) => {
      if (name === props.value) return show();
      props.value = name;
      trigger("input");
    };
    menu.addEventListener("change", () => {
      if (menu.value !== OTHER) return take(menu.value);
      line.hidden = false;
      line.focus();
    });
    const typed = () => { if (!line.hidden) take(line.value.trim() || (props.value ?? "")); };
    line.addEventListener("keydown", ({ key }) => {
      if (key === "Enter") typed();
      if (key === "Escape") show();
    });
    line.addEventListener("blur", typed);
    watch("value", show);
    show();
  };

  window.keepAnswer = (element, watch) => {
    let last = "";
    const keep = () => {
      if (!element.querySelector(".away")) last = element.innerHTML;
      else if (last) element.insertAdjacentHTML("beforeend", `<div class="last" inert>${last}</div>`);
    };
    watch("value", keep);
    keep();
  };
})();

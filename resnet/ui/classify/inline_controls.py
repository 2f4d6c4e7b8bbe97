"""Controls that stand inside drawn HTML: each names a field of the view and the value it wants.

One listener (PICK) hears them all and sends {field, value} in its turn (page.js); the view's record checks both.
"""

from resnet.util.html import escape

PICK = """const send = (target) => {
  const value = target.matches("select") ? target.value : target.dataset.value;
  window.inTurn(() => trigger("select", { field: target.dataset.field, value }));
};
element.addEventListener("click", (event) => {
  const target = event.target.closest("button[data-field]");
  if (target) send(target);
});
element.addEventListener("change", (event) => {
  if (event.target.matches("select[data-field], input[data-field]")) send(event.target);
});"""


def menu(field: str, value: str, options: list[tuple[str, str]], label: str) -> str:
    """A <select> of (value, words)."""
    inside = "".join(f'<option value="{escape(key)}"{" selected" if key == value else ""}>{escape(words)}</option>'
                     for key, words in options)
    return f'<select data-field="{field}" aria-label="{escape(label)}">{inside}</select>'


def button(field: str, value: str, inside: str, label: str = "", kind: str = "", pressed: "bool | None" = None) -> str:
    """A <button>; `inside` is HTML, `pressed` makes it a toggle."""
    state = "" if pressed is None else f' aria-pressed="{str(pressed).lower()}"'
    name = f' aria-label="{escape(label)}" title="{escape(label)}"' if label else ""
    return (f'<button type="button" class="{kind}" data-field="{field}" data-value="{escape(value)}"{state}{name}>'
            f"{inside}</button>")


def section(name: str, heading: str, note: str, unfolded: bool, body: str) -> str:
    """A section that unfolds at its heading; what is inside is only worked out then."""
    head = (f'<button type="button" class="unfold" data-field="open" data-value="{name}" '
            f'aria-expanded="{str(unfolded).lower()}"><b>{escape(heading)}</b> <small>{escape(note)}</small></button>')
    return f'<section id="{name}">{head}{body if unfolded else ""}</section>'

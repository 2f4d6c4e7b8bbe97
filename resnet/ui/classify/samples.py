"""The bundled test items: those nearest to the picture, and all of them, right and wrong."""

from threading import Lock

import torch
from torch import Tensor

from resnet.data import data_title
from resnet.explain.samples import SampleAnswers, has_items, nearest
from resnet.hub.loaded import LoadedModel
from resnet.hub.ref import ModelRef
from resnet.ui.classify.answer import label_text
from resnet.ui.classify.inline_controls import button, menu
from resnet.ui.classify.view import ANY, KINDS, ClassifyView
from resnet.ui.page import device
from resnet.ui.page.examples import item_pixels
from resnet.ui.page.images import png_url
from resnet.util.html import escape
from resnet.util.lru import LRU
from resnet.util.numbers import probability, significant
from resnet.util.text import text

NEAR, PAGE, KEPT = 8, 40, 4
_kept: LRU[SampleAnswers] = LRU(KEPT)
_measuring = Lock()


def measured(ref: ModelRef) -> SampleAnswers:
    """Every bundled test item through a model, once for all visitors; the last few models are kept (2.5 MB each
    at 64 features).

    Kept by the page's process: what is remembered inside a call on ZeroGPU is gone after it.
    """
    return _kept.get(ref, lambda: _measure(ref))


def _measure(ref: ModelRef) -> SampleAnswers:
    with _measuring:  # one model at a time
        return device.measure(ref)


def is_measured(view: ClassifyView, loaded: LoadedModel) -> bool:
    """Whether the sections will open at once."""
    return not has_items(loaded) or _kept.peek(view.ref) is not None


def neighbours_note(loaded: LoadedModel, lang: str) -> str:
    return text("classify.neighbours_note", lang, title=_title(loaded, lang))


def neighbours_html(view: ClassifyView, loaded: LoadedModel, feature: Tensor, lang: str) -> str:
    """The test items whose features point the same way as the picture's."""
    if not has_items(loaded):
        return _none(loaded, lang)
    found = measured(view.ref)
    same = view.item[1] if view.item and view.item[0] == loaded.info.data else None
    near = nearest(feature, found.features, NEAR, skip=same)
    tiles = "".join(_tile(loaded, found, one.item, f"{one.cosine:.3f}", lang) for one in near)
    source = text("classify.neighbours_source", lang, d=f"{len(feature):,}", n=f"{len(found):,}",
                  title=_title(loaded, lang))
    return f'<div class="items">{tiles}</div><p class="source">{escape(source)}{_fallback(found, lang)}</p>'


def browse_note(loaded: LoadedModel, lang: str) -> str:
    return text("classify.browse_note", lang, title=_title(loaded, lang))


def browse_html(view: ClassifyView, loaded: LoadedModel, lang: str) -> str:
    """The test items by true class and answer, with confusion matrix and accuracy per class."""
    if not has_items(loaded):
        return _recorded(loaded, lang)
    found = measured(view.ref)
    counts = found.confusion(len(loaded.info.labels))
    source = text("classify.browse_source", lang, n=f"{len(found):,}", title=_title(loaded, lang),
                  accuracy=f"{100 * found.accuracy:.2f}", name=loaded.info.name, precision=found.precision,
                  seconds=significant(found.seconds, 2))
    return (f'<div class="browse">{_confusion(counts, view, loaded, lang)}</div>'
            f"{_filters(view, loaded, lang)}{_page(view, loaded, found, lang)}"
            f'<p class="source">{escape(source)}{_fallback(found, lang)}</p>')


def _recorded(loaded: LoadedModel, lang: str) -> str:
    """The confusion matrix that config.json may hold ("confusion" under the test results), where no items ship."""
    rows = (loaded.info.results.get("test") or {}).get("confusion")
    n = len(loaded.info.labels)
    sound = (isinstance(rows, list) and len(rows) == n
             and all(isinstance(row, list) and len(row) == n for row in rows)
             and all(isinstance(count, int) and 0 <= count < 10**9 for row in rows for count in row))
    if not sound:
        return _none(loaded, lang)
    counts = torch.tensor(rows)
    source = text("classify.recorded_source", lang, n=f"{int(counts.sum()):,}", title=_title(loaded, lang))
    return _none(loaded, lang) + _confusion(counts, None, loaded, lang) + f'<p class="source">{escape(source)}</p>'


def _confusion(counts: Tensor, view: "ClassifyView | None", loaded: LoadedModel, lang: str) -> str:
    """Rows are true classes, columns answers; each cell opens its items; the last column is the class's accuracy."""
    names = [label_text(label, lang) for label in loaded.info.labels]
    head = "".join(f'<th scope="col"><span>{escape(name)}</span></th>' for name in names)
    corner = (f'<th><small>{text("classify.true_class", lang)} ↓ {text("classify.answer", lang)} →</small></th>')
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(_cell(counts, i, j, names, view, lang) for j in range(len(names)))
        + f'<td class="number">{100 * counts[i, i] / max(1, counts[i].sum()):.1f} %</td></tr>'
        for i, name in enumerate(names))
    right = f'<th scope="col"><span>{text("classify.class_accuracy", lang)}</span></th>'
    caption = escape(text("classify.confusion_alt", lang))
    return (f'<div class="scroll" tabindex="0"><table class="confusion" aria-label="{caption}">'
            f"<thead><tr>{corner}{head}{right}</tr></thead><tbody>{rows}</tbody></table></div>")


def _cell(counts: Tensor, i: int, j: int, names: list[str], view: "ClassifyView | None", lang: str) -> str:
    count, share = int(counts[i, j]), float(counts[i, j] / max(1, counts[i].sum()))
    kind = "hit" if i == j else "miss"
    shade = f' style="--share:{100 * share**0.5:.0f}%"' if count else ""
    chosen = " chosen" if view and (view.truth, view.given) == (i, j) else ""
    inside = f"{count:,}" if count else "·"
    if view and count:
        label = text("classify.cell", lang, n=f"{count:,}", truth=names[i], given=names[j])
        inside = button("cell", f"{i},{j}", inside, label)
    return f'<td class="{kind}{chosen}"{shade}>{inside}</td>'


def _filters(view: ClassifyView, loaded: LoadedModel, lang: str) -> str:
    every = [(str(ANY), text("classify.any", lang))]
    classes = every + [(str(i), label_text(label, lang)) for i, label in enumerate(loaded.info.labels)]
    kinds = [(kind, text(f"classify.kind_{kind}", lang)) for kind in KINDS]
    fields = (("kind", view.kind, kinds), ("truth", str(view.truth), classes), ("given", str(view.given), classes))
    return '<p class="filters">' + "".join(
        f"<label>{escape(text(f'classify.filter_{field}', lang))} "
        f"{menu(field, value, options, text(f'classify.filter_{field}', lang))}</label>"
        for field, value, options in fields) + "</p>"


def chosen_items(view: ClassifyView, found: SampleAnswers) -> Tensor:
    """Indices of the items that the filters leave: wrong ones with the surest first, others in their order."""
    keep = torch.ones(len(found), dtype=torch.bool)
    if view.kind != "all":
        keep = (found.answers == found.labels) == (view.kind == "right")
    for field, values in (("truth", found.labels), ("given", found.answers)):
        if getattr(view, field) != ANY:
            keep = keep & (values == getattr(view, field))
    indices = keep.nonzero().flatten()
    if view.kind == "wrong":
        indices = indices[found.confidence[indices].argsort(descending=True, stable=True)]
    return indices


def _page(view: ClassifyView, loaded: LoadedModel, found: SampleAnswers, lang: str) -> str:
    indices = chosen_items(view, found)
    pages = max(1, -(-len(indices) // PAGE))
    page = min(view.page, pages - 1)
    tiles = "".join(_tile(loaded, found, item, escape(probability(found.confidence[item].item())), lang)
                    for item in indices[page * PAGE:(page + 1) * PAGE].tolist())
    steps = "".join(button("page", str(to), sign, text(key, lang), "step") for to, sign, key in (
        (page - 1, "←", "classify.page_before"), (page + 1, "→", "classify.page_after")) if 0 <= to < pages)
    count = text("classify.items", lang, n=f"{len(indices):,}", page=page + 1, pages=pages)
    return f'<div class="items">{tiles}</div><p class="note pages">{escape(count)} {steps}</p>'


def _tile(loaded: LoadedModel, found: SampleAnswers, item: int, number: str, lang: str) -> str:
    """A test item as a button: its class, and the answer where it is another."""
    labels = loaded.info.labels
    truth, given = (label_text(labels[int(values[item])], lang) for values in (found.labels, found.answers))
    right = truth == given
    words = f"<b>{escape(truth)}</b>" if right else f'<b>{escape(truth)}</b><em>→ {escape(given)}</em>'
    image = f'<img class="pixels" src="{png_url(item_pixels(loaded.info.data, item))}" alt="">'
    label = text("classify.item_right" if right else "classify.item_wrong", lang, item=item, truth=truth, given=given)
    return button("example", f"{loaded.info.data}-{item}", f"{image}{words}<small>{number}</small>", label,
                  "item" if right else "item wrong")


def _none(loaded: LoadedModel, lang: str) -> str:
    return f'<p class="note">{escape(text("classify.no_items", lang, title=_title(loaded, lang)))}</p>'


def _fallback(found: SampleAnswers, lang: str) -> str:
    return f' {escape(text(f"classify.fallback_{found.fallback}", lang))}' if found.fallback else ""


def _title(loaded: LoadedModel, lang: str) -> str:
    data = loaded.info.data
    return data_title(data) or text("classify.its_data", lang)

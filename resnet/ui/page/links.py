"""What a link opens: a tab or panel, and its view."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from resnet.ui.page.sharing import from_query
from resnet.util.errors import InputError
from resnet.util.fields import hints

Views: TypeAlias = "Mapping[str, type[Any]]"  # by key: "trace", "compare/degradation"


def view_of(parameters: Mapping[str, str], views: Views, lang: str) -> tuple:
    """(key, view, what was wrong with the link): a bad link opens its tab's default view and says why.

    views   of every tab and panel, by key ("trace", "compare/degradation"); the first of a tab is its default.
    """
    key, problem = place_of(parameters, views, lang)
    if problem:
        return key, views[key](), problem
    try:
        return key, from_query(views[key], parameters), ""
    except InputError as error:
        return key, views[key](), error.sentence(lang)


def place_of(parameters: Mapping[str, str], views: Views, lang: str) -> tuple[str, str]:
    """(key, what was wrong with the tab or panel of a link); nothing else of it is looked at."""
    name, panel = parameters.get("tab") or _tab_meant(parameters, views), parameters.get("panel", "")
    return _place(name, panel, views, lang)


def _tab_meant(parameters: Mapping[str, str], views: Views) -> str:
    """Of a link that names no tab: Trace, if it says anything of a net, else the first."""
    return "trace" if parameters.keys() & hints(views["trace"]).keys() else next(iter(views)).partition("/")[0]


def _place(name: str, panel: str, views: Views, lang: str) -> tuple[str, str]:
    """(key, what was wrong with the tab or panel of a link)."""
    names = list(dict.fromkeys(key.partition("/")[0] for key in views))
    if name not in names:
        return names[0], InputError("unknown_tab", name=str(name)[:40], known=", ".join(names)).sentence(lang)
    keys = [key for key in views if key.partition("/")[0] == name]
    if "/" not in keys[0] or not panel:
        return keys[0], ""
    if f"{name}/{panel}" in keys:
        return f"{name}/{panel}", ""
    known = ", ".join(key.partition("/")[2] for key in keys)
    return keys[0], InputError("unknown_panel", name=str(panel)[:40], known=known).sentence(lang)

"""A view's fields -> the components that hold them, by the fields' options (resnet.util.fields.option).

What a component needs beside the option's choices and range stands in the option too:

label    the key of its label
titles   True: a choice's title is the key label_choice; {choice: key}; or (view, language) -> [(title, choice)],
         which may leave some out; without, choices stand for themselves
step     a slider of numbers; `within`: its ends, where more is allowed than it offers
menu     a dropdown in place of buttons
eager    a box that is heard at each key, not when it is left
hidden   held by the page and set by clicks in figures
of       the field (or fields) that, when the visitor changes it, sets this one back to its default, or to
         `afresh(view)`, unless it `keeps` its value
shown, usable   of the view: whether the control says something, and whether it can be changed
elem_id  for style.css
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_origin

import gradio as gr
from gradio.components import Component

from resnet.ui.page.language import word
from resnet.util.fields import choices_of, hints, spell


def control(view: Any, name: str, **more: Any) -> Component:
    """The component of a view's field, holding the view's value; `more` are further arguments of it, with `choices`
    also what is offered where anything may be typed."""
    option, hint = options(view)[name], hints(type(view))[name]
    arguments: dict[str, Any] = {"value": held(view, name), "elem_id": option.get("elem_id")} | more
    if option.get("hidden"):
        arguments["visible"] = False
        return gr.Textbox(**arguments)
    arguments |= {"label": word(option["label"]), **_state(view, option)}
    if "step" in option:
        low, *_, high = option.get("within") or choices_of(view, name) or (option["low"], option["high"])
        return gr.Slider(low, high, step=option["step"], **arguments)
    if "choices" in option or "choices" in more:
        return _choice(option, get_origin(hint) is tuple, {"choices": titled(view, name)} | arguments)
    if hint is int:
        return gr.Number(precision=0, minimum=option.get("low"), maximum=option.get("high"), **arguments)
    return gr.Textbox(**arguments)


def _choice(option: Mapping[str, Any], several: bool, arguments: dict[str, Any]) -> Component:
    if option.get("menu"):
        return gr.Dropdown(multiselect=several, **arguments)
    return gr.CheckboxGroup(**arguments) if several else gr.Radio(**arguments)


def events(view: Any, name: str, component: Any) -> list[Callable]:
    """When the page hears that a field's control was changed; those that are hidden nobody changes."""
    if options(view)[name].get("hidden"):
        return []
    if isinstance(component, gr.Slider):
        return [component.release]
    if isinstance(component, (gr.Number, gr.Textbox)) and not options(view)[name].get("eager"):
        return [component.submit, component.blur]
    return [component.input]


def updates(view: Any, names: Iterable[str], lang: str) -> list:
    """What fields' controls are to hold; of those that follow other fields, what they offer too."""
    return [_update(view, name, lang) for name in names]


def _update(view: Any, name: str, lang: str) -> Any:
    option = options(view)[name]
    state: dict[str, Any] = _state(view, option)
    if callable(option.get("choices")) or callable(option.get("titles")):
        state["choices"] = titled(view, name, lang)
    return gr.update(value=held(view, name), **state) if state else held(view, name)


def followers(kind: Any, leader: str) -> list[str]:
    """The fields whose controls change with another."""
    return [name for name, option in options(kind).items() if leader in _leaders_of(option)]


def leaders(kind: Any) -> list[str]:
    """The fields that others follow."""
    return list(dict.fromkeys(leader for option in options(kind).values() for leader in _leaders_of(option)))


def _leaders_of(option: Mapping[str, Any]) -> tuple[str, ...]:
    named = option.get("of", ())
    return (named,) if isinstance(named, str) else named


def titled(view: Any, name: str, lang: str = "en") -> Any:
    """(title, choice) of a field's choices."""
    option = options(view)[name]
    titles: Any = option.get("titles")
    if callable(titles):
        return titles(view, lang)
    choices = choices_of(view, name) or ()
    if isinstance(titles, Mapping):
        return [(word(titles[choice]), choice) for choice in choices]
    return [(word(f"{option['label']}_{choice}") if titles else str(choice), choice) for choice in choices]


def held(view: Any, name: str) -> Any:
    """A field's value as its control holds it: a list of several, text where it is hidden."""
    value = getattr(view, name)
    if options(view)[name].get("hidden"):
        return spell(value)
    return list(value) if isinstance(value, tuple) else value


def options(kind: Any) -> dict[str, Mapping[str, Any]]:
    """What each field of a view or of its class says of itself."""
    return {field.name: field.metadata for field in dataclasses.fields(kind)}


def _state(view: Any, option: Mapping[str, Any]) -> dict[str, Any]:
    """Whether a control is seen and can be changed, where that depends on the view."""
    return {argument: option[name](view) for name, argument in (("shown", "visible"), ("usable", "interactive"))
            if name in option}

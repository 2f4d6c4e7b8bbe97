"""A panel is one declaration: its view, and what draws it. Everything between them and the page is made here."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import gradio as gr
from gradio.components import Component

from resnet.ui.page.controls import events, followers, leaders, options, updates
from resnet.ui.page.language import language, word
from resnet.ui.page.sharing import parse_controls, to_query
from resnet.ui.wall.guard import guarded_view
from resnet.ui.wall.limits import work
from resnet.util.fields import from_mapping, hints, parse


@dataclass(frozen=True)
class Tab:
    """One tab of the page, or one panel of a tab, as it is wired.

    name        in the link: "trace"
    view        its state: a frozen dataclass whose fields are the controls, in order
    controls    the components that hold the state
    outputs     the message line first, then what the tab draws
    show        the handler: control values -> outputs
    fill        (view, language) -> updates of the controls, for a link that is opened
    triggers    the events on which `show` runs
    extra       further inputs of `show` that no link holds, such as a picture
    arrivals    (events, handler, controls): what shows and sets these controls as well
    picks       the same of clicks inside figures, which page.js sends one at a time
    opens       (handler, controls): what shows it when the tab or a link is opened, and sets these controls as well
    panel       in the link, for a tab that is one of several panels: "gradients"
    """

    name: str
    view: type
    controls: list[Component]
    outputs: list[Component]
    show: Callable
    fill: Callable
    triggers: list[Callable] = field(default_factory=list)
    extra: list[Component] = field(default_factory=list)
    arrivals: list[tuple] = field(default_factory=list)
    picks: list[tuple] = field(default_factory=list)
    opens: "tuple[Callable, list[Component]] | None" = None
    panel: str = ""

    @property
    def key(self) -> str:
        return key_of(self.name, self.panel)


@dataclass(frozen=True)
class Panel:
    """What a tab or panel is.

    tab, name   in the link: "compare", "gradients"; a tab that is no story of panels has no name
    view        its state, a resnet.ui.page.sharing.View whose options make its controls
    draw        (view, language, *extra) -> what its outputs show; a generator shows it as it goes
    outputs     how many they are
    """

    tab: str
    name: str
    view: type
    draw: Callable
    outputs: int

    @property
    def key(self) -> str:
        return key_of(self.tab, self.name)

    def built(self, controls: Mapping[str, Component], outputs: Sequence[Component],
              extra: Sequence[Component] = (), **more: Any) -> Tab:
        """Wired to components: a control for each field, the message line and what is drawn, inputs of `draw`."""
        ordered = {name: controls[name] for name in hints(self.view)}
        leading = leaders(self.view)
        triggers = [event for name, one in ordered.items() if name not in leading
                    for event in events(self.view, name, one)]
        arrivals = [(events(self.view, leader, controls[leader]), self.follow(leader),
                     [controls[name] for name in followers(self.view, leader)]) for leader in leading]
        return Tab(self.tab, self.view, list(ordered.values()), list(outputs), self.show, self.fill, triggers,
                   list(extra), [*arrivals, *more.pop("arrivals", ())],
                   opens=self._opens(controls), panel=self.name, **more)

    @cached_property
    def show(self) -> Callable:
        """The handler: (request, values of the controls and the extra inputs) -> message, outputs, link."""
        return self.handler(lambda values: parse_controls(self.view, *values))

    @cached_property
    def asked(self) -> list[str]:
        """The fields whose values somebody may have to be asked for; a link leaves their controls empty."""
        return [name for name, option in options(self.view).items() if "known" in option]

    def _opens(self, controls: Mapping[str, Component]) -> "tuple[Callable, list[Component]] | None":
        return (self.opened, [controls[name] for name in self.asked]) if self.asked else None

    @cached_property
    def opened(self) -> Callable:
        """The handler for when the tab or a link is opened: the controls that are empty are filled too."""
        return self.handler(self._filled, self.asked)

    def _filled(self, values: Sequence) -> Any:
        given = dict(zip(hints(self.view), values, strict=True))
        return from_mapping(self.view, {name: value for name, value in given.items()
                                        if name not in self.asked or value not in (None, "")}).whole()

    def follow(self, leader: str) -> Callable:
        """The handler for a field that others follow: their controls are set too, behind the link."""
        return self.handler(lambda values: self.changed(leader, values), followers(self.view, leader))

    def handler(self, read: Callable[[Sequence], Any], sets: Sequence[str] = ()) -> Callable:
        """A guarded one that draws the view that `read` makes of the controls' values.

        Args:
            sets: the fields whose controls it also sets, at the first step.
        """

        def steps(request: gr.Request, *values: Any) -> Iterator[tuple]:
            lang, count = language(request), len(hints(self.view))
            view = read(values[:count])
            setting = updates(view, sets, lang)
            for outputs in self.drawn(view, lang, *values[count:]):
                yield *outputs, *setting
                setting = [gr.skip()] * len(sets)

        def once(request: gr.Request, *values: Any) -> tuple:
            return next(steps(request, *values))

        chosen = steps if inspect.isgeneratorfunction(self.draw) else once
        chosen.__name__ = f"show_{self.name or self.tab}"
        return guarded_view(self.outputs + 1 + len(sets))(chosen)

    def drawn(self, view: Any, lang: str, *extra: Any) -> Iterator[tuple]:
        """What the outputs show, and the view's link."""
        for outputs in self.steps(view, lang, *extra):
            yield *outputs, self.link(view)

    def steps(self, view: Any, lang: str, *extra: Any) -> Iterator:
        """What `draw` gives, as it goes."""
        found = self.draw(view, lang, *extra)
        yield from found if inspect.isgenerator(found) else [found]

    def link(self, view: Any) -> str:
        return to_query(self.tab, view, self.name)

    def changed(self, leader: str, values: Sequence) -> Any:
        """The view after a visitor changed a leading field: what follows it is set back, whatever its controls hold.

        Raises:
            InputError: a value that its field cannot hold.
        """
        back = {name for name in followers(self.view, leader) if not options(self.view)[name].get("keeps")}
        view = self.view(**{name: parse(name, hint, value) for (name, hint), value in
                            zip(hints(self.view).items(), values, strict=True) if name not in back}).whole()
        afresh = {name: option["afresh"](view) for name, option in options(view).items()
                  if name in back and "afresh" in option}
        return replace(view, **afresh) if afresh else view

    def fill(self, view: Any, lang: str) -> list:
        """What a link's view puts into the controls."""
        return updates(view, hints(self.view), lang)


def key_of(tab: str, panel: str) -> str:
    """A name among all tabs and panels: "trace", "compare/gradients"."""
    return f"{tab}/{panel}" if panel else tab


def end_point(handler: Callable, name: str) -> None:
    """What programs may call by this name; with its queue."""
    gr.api(handler, api_name=name, **work(name))  # pyright: ignore[reportPrivateImportUsage]


def adjust() -> gr.Accordion:
    """The place of controls that wait folded."""
    return gr.Accordion(word("compare.adjust"), open=False, elem_classes="more-knobs")

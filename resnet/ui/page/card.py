"""What a shared link looks like where it is pasted: its view's title, a sentence and a picture, in its language.

Nothing in a link is looked up, here or elsewhere: its words are cut, escaped and repeated.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.types import Scope

from resnet.ui.page.figure import WEB
from resnet.ui.page.links import Views, place_of
from resnet.ui.start.scenes import SCENES
from resnet.util.html import escape
from resnet.util.text import preferred, text

CARDS = WEB / "cards"  # PLACE-LANGUAGE.png and sentences.json, made by python -m docs.screenshots
SIZE = (1200, 630)  # pixels, as those who show cards ask for
WORD = 60  # characters of a link that a title repeats
NOT_SHARED = {"__sign", "__theme", "embed", "present"}  # a private Space's key, and how one visitor looks at a view
HOST = re.compile(r"(?:[A-Za-z0-9-]+\.)*[A-Za-z0-9-]+(?::\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::\d{1,5})?", re.ASCII)


@dataclass(frozen=True)
class Card:
    """picture   its name among CARDS, without language and ending
    lang      "en"
    """

    title: str
    sentence: str
    picture: str
    lang: str

    @property
    def page_title(self) -> str:
        """What a browser's tab shows."""
        site = text("page.title", self.lang)
        return self.title if self.title == site else f"{self.title} · {site}"

    def tags(self, base: str, query: str) -> str:
        """For a page's head.

        Args:
            base: the page's absolute address; "" where it is not known: then address and picture are left out.
            query: of the link.
        """
        shared = [(name, value) for name, value in parse_qsl(query) if name not in NOT_SHARED]
        image = f"{base}shipped/page/cards/{self.picture}-{self.lang}.png"
        width, height = SIZE
        told = {"og:type": "website", "og:site_name": text("page.title", self.lang), "og:title": self.title,
                "og:description": self.sentence}
        if base:
            told |= {"og:url": base + (f"?{urlencode(shared)}" if shared else ""), "og:image": image,
                     "og:image:width": width, "og:image:height": height, "og:image:alt": self.title,
                     "twitter:image": image}
        told |= {"twitter:card": "summary_large_image", "twitter:title": self.title,
                 "twitter:description": self.sentence, "description": self.sentence}
        return f"<title>{escape(self.page_title)}</title>" + "".join(
            f'<meta {"property" if name.startswith("og:") else "name"}="{name}" content="{escape(value)}">'
            for name, value in told.items())


def card_of(query: str, views: Views, lang: str) -> Card:
    """The card of the view that a link opens."""
    parameters = dict(parse_qsl(query))
    key, _ = place_of(parameters, views, lang)
    picture = key.rpartition("/")[2]
    sentence = recorded().get(picture, {}).get(lang) or text(f"page.about.{key.partition('/')[0]}", lang)
    return Card(title_of(key, parameters, titles(tuple(views), lang)), sentence,
                picture if (CARDS / f"{picture}-{lang}.png").exists() else "start", lang)


def title_of(key: str, parameters: Mapping[str, str], names: Mapping[str, str]) -> str:
    """A view's title; share.js decides alike."""
    if key == "trace" and (net := parameters.get("variant")):
        return names["trace/net"].replace("{net}", net[:WORD])
    if key == "start":
        return names.get(f"start/{parameters.get('scene')}", names[key])
    return names[key]


@cache
def titles(keys: tuple[str, ...], lang: str) -> dict[str, str]:
    """By key, of tabs and panels; of Start's scenes "start/2", of a net on Trace "trace/net"."""
    names = {key: text(f"compare.panels.{key.partition('/')[2]}", lang) if "/" in key
             else text("page.title" if key == "start" else f"page.titles.{key}", lang) for key in keys}
    scenes = {f"start/{number}": text(f"start.scenes.{name}.title", lang) for number, name in enumerate(SCENES, 1)}
    return names | scenes | {"trace/net": text("page.titles.net", lang, net="{net}")}


@cache
def recorded() -> dict[str, dict[str, str]]:
    """What each picture's place says of itself, by language."""
    file = CARDS / "sentences.json"
    return json.loads(file.read_text("utf-8")) if file.exists() else {}


def base_address(scope: Scope) -> str:
    """The page's own absolute address, with a slash at its end; "" where nothing says it.

    A Space's name for itself is believed. Elsewhere the request is asked, and may lie: a proxy's X-Forwarded-Host and
    X-Forwarded-Proto, else Host. So nothing but a host's name gets through, and the answer, which is for who asked
    alone, is not to be kept by anybody between (resnet.ui.page.head).
    """
    if own := os.environ.get("SPACE_HOST"):
        return f"https://{own}/"
    told: dict[str, str] = {name.decode(): value.decode("latin-1").partition(",")[0].strip()
                            for name, value in reversed(scope["headers"])}
    host = told.get("x-forwarded-host") or told.get("host", "")
    scheme = told.get("x-forwarded-proto", scope["scheme"])
    if not HOST.fullmatch(host) or scheme not in ("http", "https"):
        return ""
    return f"{scheme}://{host}{scope.get('root_path', '').rstrip('/')}/"


def asked_language(scope: Scope, query: str) -> str:
    """The link's `lang`, else the browser's first language, as resnet.ui.page.language tells it of a question."""
    accepted: Any = next((value for name, value in scope["headers"] if name == b"accept-language"), b"")
    return preferred(dict(parse_qsl(query)).get("lang") or accepted.decode("latin-1"))

"""What may be wrong with a page, whatever it shows: too wide, in the wrong colours or words, hard for some to use."""

import re
from dataclasses import dataclass

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from resnet.util.text import LANGUAGES, sentences, text

TABS = ("start", "trace", "compare", "classify")
SIZES = {"desk": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}
GRAVE = ("serious", "critical")
# What sticks out of the window, and which tables cannot be seen whole.
SPILLED = """() => {
    const scrolls = e => e.matches("#tabs, #title-line") ? false
        : ["auto", "scroll"].includes(getComputedStyle(e).overflowX) || scrolls(e.parentElement);
    return [...document.querySelectorAll("#tabs *, #title-line *")]
        .filter(e => e.offsetParent && e.getBoundingClientRect().right > innerWidth + 1 && !scrolls(e))
        .map(e => e.outerHTML.slice(0, 120));
}"""
SCROLLED = """() => [...document.querySelectorAll(".scroll")]
    .filter(e => e.offsetParent && e.scrollWidth > e.clientWidth + 1).map(e => e.textContent.slice(0, 80))"""
# What is read but for code, references and a number's source.
TOLD = """() => {
    const hidden = document.createElement("style");
    hidden.textContent = "pre, code, .source, [lang=en], option, .icon-button { display: none !important; }";
    document.head.append(hidden);
    const words = document.body.innerText;
    hidden.remove();
    return words;
}"""
# Names that are the same in both languages.
NAMES = re.compile(r"ResNe[Xx]?t[-\w ]*|plain-\d+|English|Fashion-MNIST|CIFAR(-10)?|PyTorch|Hub|CSV|JSON|SVG|API|"
                   r"flatten|[a-z]+\.[a-z]+\S*", re.ASCII)
ENGLISH = re.compile(r"[A-Za-z]{2,}(?: [a-z]{2,}){2,}")  # three words in a row are a sentence


@dataclass(frozen=True)
class Dress:
    """How a visitor sees the page: "desk" or "phone", "light" or "dark", "en" or "zh"."""

    size: str
    mode: str
    lang: str

    def __str__(self) -> str:
        return f"{self.size}-{self.mode}-{self.lang}"

    @property
    def window(self) -> dict:
        """A window of such a visitor's browser."""
        return {"viewport": SIZES[self.size], "color_scheme": self.mode, "locale": LANGUAGES[self.lang]}


def check(page: Page, dress: Dress, place: str) -> None:
    """Nothing sticks out, the colours are the mode's, and the words the language's."""
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth"), place
    assert page.evaluate(SPILLED) == [], place
    assert (luminance(page) < 0.2) == (dress.mode == "dark"), place
    assert page.locator("html").get_attribute("lang") == LANGUAGES[dress.lang], place
    check_words(page, dress.lang, place)


def check_words(page: Page, lang: str, place: str) -> None:
    """No placeholder is left, and nothing is said in the other language."""
    seen = page.locator("body").inner_text()
    for broken in ("undefined", "__i18n__", "NaN", "[object", "{n}"):
        assert broken not in seen, (place, broken)
    assert not re.findall(r"\b(?:trace|compare|classify)\.[a-z_]+", seen), place
    for key in ("page.title", "page.subtitle", "page.takes.copy", *(f"{name}.tab" for name in TABS)):
        assert text(key, lang) in seen, (place, key)
    other = sentences("zh" if lang == "en" else "en")
    lines = {line for line in seen.splitlines() if line.strip()}
    strays = {value for key, value in other.items() if value in lines and not NAMES.fullmatch(value)
              and value != sentences(lang)[key]}
    assert not strays, (place, strays)
    if lang == "en":
        assert not re.findall(r"[\u4e00-\u9fff]+", seen.replace("中文", "")), place
    else:
        assert [words for words in ENGLISH.findall(page.evaluate(TOLD)) if "et al" not in words] == [], place


def luminance(page: Page) -> float:
    """Of the page's background, 0 to 1."""
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(map(int, re.findall(r"\d+", colour)[:3])) / 765


def findings(page: Page) -> list[str]:
    """What axe finds serious: rule, element, and what it says of it."""
    result = Axe().run(page, options=RULES).response
    return [f"{rule['id']}: {node['target']} {node['html'][:160]} {node.get('failureSummary', '')[:300]}"
            for rule in result["violations"] if rule["impact"] in GRAVE for node in rule["nodes"]]

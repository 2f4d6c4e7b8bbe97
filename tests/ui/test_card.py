"""What a shared link shows: for each place a picture of its own, and a sentence that its panel says."""

import json
import re

import pytest
from PIL import Image

from resnet.ui.compare.story import PANELS
from resnet.ui.page.build import VIEWS
from resnet.ui.page.card import CARDS, SIZE, card_of, recorded
from resnet.ui.page.links import view_of
from resnet.ui.start.lecture import STEPS, answer, lecture_html, lecture_text, link
from resnet.util.text import LANGUAGES
from tests.running import ROOT

PLACES = [key.rpartition("/")[2] for key in VIEWS]
AGAIN = "python -m docs.screenshots --cards makes it"


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("place", PLACES)
def test_every_place_has_a_picture_of_the_size_that_cards_have(place, lang):
    file = CARDS / f"{place}-{lang}.png"
    assert file.exists(), AGAIN
    assert Image.open(file).size == SIZE and file.stat().st_size < 150_000


def test_pictures_are_those_of_places_and_light_together():
    files = set(CARDS.glob("*.png"))
    assert files == {CARDS / f"{place}-{lang}.png" for place in PLACES for lang in LANGUAGES}, AGAIN
    assert sum(file.stat().st_size for file in files) < 3_000_000


def test_every_panel_has_a_sentence_in_every_language():
    assert recorded().keys() == PANELS.keys(), AGAIN
    for said in recorded().values():
        assert said.keys() == LANGUAGES.keys() and all(len(sentence) > 20 for sentence in said.values())
        assert re.search("[\u4e00-\u9fff]", said["zh"]) and not re.search("[\u4e00-\u9fff]", said["en"])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_card_is_its_views(lang):
    cards = {key: card_of(f"tab={key.replace('/', '&panel=')}", VIEWS, lang) for key in VIEWS}
    assert len({card.title for card in cards.values()}) == len({card.sentence for card in cards.values()}) == len(VIEWS)
    assert all(card.picture == key.rpartition("/")[2] for key, card in cards.items())
    assert card_of("tab=start&scene=2", VIEWS, lang).title != cards["start"].title
    assert card_of("variant=resnet18", VIEWS, lang).title != cards["trace"].title


@pytest.mark.parametrize("query", ["tab=zebra", "tab=compare&panel=zebra", "scene=99", "tab=trace&scene=net", "&&=&"])
def test_a_link_to_nowhere_has_the_card_of_what_it_opens(query):
    card = card_of(query, VIEWS, "en")
    assert "{" not in card.title and card.title and card.sentence


# For who teaches -------------------------------------------------------------------------------------


def test_nine_steps_and_each_opens_its_panel():
    assert len(STEPS) == 9 and STEPS.keys() <= PANELS.keys()
    for panel in STEPS:
        parameters = dict(part.split("=") for part in link(panel).removeprefix("?").split("&"))
        key, _, problem = view_of(parameters, VIEWS, "en")
        assert (key, problem) == (f"compare/{panel}", "")


def test_the_answers_are_folded_and_say_what_the_panels_say():
    html = lecture_html()
    assert html.count("<details>") == html.count("</details>") == 9 and "open" not in html.split("<h2>")[0]
    for panel in STEPS:
        for lang in LANGUAGES:
            assert recorded()[panel][lang] in answer(panel, lang)


def test_the_lecture_on_paper_is_the_one_on_the_page():
    assert (ROOT / "docs" / "lecture.md").read_text("utf-8") == lecture_text(), AGAIN
    assert json.dumps(lecture_text()).count("<details>") == 9 * len(LANGUAGES)

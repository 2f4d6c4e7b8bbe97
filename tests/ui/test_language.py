import subprocess
import sys

import pytest

from resnet.ui.page.language import TRANSLATIONS, language, word
from resnet.util.text import LANGUAGES, sentences
from tests.ui.asking import asked


@pytest.mark.parametrize("query, accept, expected", [
    ("", "", "en"), ("", "en-GB,en;q=0.9", "en"), ("", "zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("", "ZH-tw", "zh"),
    ("lang=zh", "en", "zh"), ("lang=en", "zh-CN", "en"), ("lang=zh&tab=compare", "", "zh"), ("lang=", "zh", "zh"),
    # as page.js reads them, or one page would speak two languages:
    ("lang=zh-CN", "en", "zh"), ("lang=fr", "zh", "en"), ("", "fr,zh;q=0.8", "en"), ("lang=%00", "zh", "en"),
])
def test_the_link_decides_then_the_browser(query, accept, expected):
    assert language(asked(query, accept)) == expected


def test_without_a_request_it_is_english():
    assert language(None) == "en"


def test_every_label_is_known_in_both_languages():
    assert word("trace.network").to_dict() == {"__type__": "translation_metadata", "key": "trace.network"}
    for lang in LANGUAGES:
        assert TRANSLATIONS.translations[lang] == sentences(lang)


def test_sentences_need_neither_gradio_nor_torch():
    code = ("import sys; from resnet.util.text import text; "
            "print(text('trace.tab', 'zh'), {'gradio', 'torch'} & {*sys.modules})")
    done = subprocess.run([sys.executable, "-X", "utf8", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "追踪 set()"

"""One Chinese word for each term: docs/glossary.md, held against every sentence."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from resnet.util.text import sentences

GLOSSARY = Path(__file__).parent.parent / "docs" / "glossary.md"
EN, ZH = sentences("en"), sentences("zh")


@dataclass(frozen=True)
class Term:
    """A row: words of which an English sentence has one, those of which the Chinese then has one, and what is wrong."""

    english: tuple[str, ...]
    chinese: tuple[str, ...]
    wrong: tuple[str, ...]

    @property
    def needed(self) -> bool:
        """Whether Chinese must say it where English does."""
        return "…" not in self.chinese

    def said_in(self, sentence: str) -> bool:
        return any(re.search(rf"(?<![\w-]){re.escape(word)}s?(?![\w-])", sentence, re.IGNORECASE)
                   for word in self.english)


def terms() -> list[Term]:
    rows = [line.strip("| ").split("|") for line in GLOSSARY.read_text("utf-8").splitlines() if line.startswith("| ")]
    cells = [[tuple(filter(None, map(str.strip, cell.split(",")))) for cell in (*row, "")[:3]] for row in rows[1:]]
    return [Term(*row) for row in cells]


TERMS = terms()


def bare(sentence: str) -> str:
    return re.sub(r"\{\w+\}", "", sentence)


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.english[0])
def test_where_english_has_the_term_chinese_has_its_word(term):
    said = [key for key in EN if term.said_in(bare(EN[key]))]
    assert said, "nobody says this"
    assert {key: ZH[key] for key in said if term.needed
            and not any(word.lower() in ZH[key].lower() for word in term.chinese)} == {}


@pytest.mark.parametrize("wrong", sorted({word for term in TERMS for word in term.wrong}))
def test_no_sentence_has_a_wrong_word(wrong):
    rightful = [term for term in TERMS if wrong in term.chinese]
    found = {key: sentence for key, sentence in ZH.items() if wrong in sentence
             and not any(term.said_in(bare(EN[key])) for term in rightful)}
    assert found == {}


def test_the_table_is_read():
    assert len(TERMS) > 15 and TERMS[0] == Term(("batch norm",), ("批归一化", "BN"), ("批量归一化", "批标准化"))

"""Both languages say the same things, and the code asks for nothing else."""

import ast
import json
import re
import string
from pathlib import Path

import pytest

from resnet.util.text import LANGUAGES, sentences, text

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "resnet").rglob("*.py"))
CALLS = {"text": "", "word": "", "both": "", "InputError": "errors."}
LABELLED = {"option", "of_net"}  # whose label= is a key, and of whose choices label_choice may be
EN, ZH = sentences("en"), sentences("zh")
SECTIONS = sorted({key.partition(".")[0] for key in EN})


def keys_of(section: str) -> list[str]:
    return [key for key in EN if key.startswith(f"{section}.")]


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


def key_in(call: ast.Call) -> tuple[str, ast.expr] | None:
    """(what the callee puts before the key, the key) of text("..."), option(label="...") and their like."""
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    if name in CALLS and call.args:
        return CALLS[name], call.args[0]
    label = next((keyword.value for keyword in call.keywords if keyword.arg == "label"), None)
    return ("", label) if name in LABELLED and label else None


def asked_for() -> tuple[dict[str, str], set[str]]:
    """Keys that the code spells out -> where; and patterns of the keys that it puts together around some word."""
    keys, patterns = {}, set()
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not (found := key_in(node)):
                continue
            prefix, argument = found
            for part in [argument.body, argument.orelse] if isinstance(argument, ast.IfExp) else [argument]:
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    keys[prefix + part.value] = f"{source.relative_to(ROOT)}:{node.lineno}"
                elif isinstance(part, ast.JoinedStr) and re.search("[a-z]", pattern(part)):
                    patterns.add(prefix + pattern(part))
    return keys, patterns


def asked_by_scripts() -> set[str]:
    """The stream's sentences, which its scripts take as words.name."""
    scripts = (ROOT / "resnet" / "ui" / "stream" / "web").glob("*.js")
    names = {name for script in scripts for name in re.findall(r"\bwords\.(\w+)", script.read_text("utf-8"))}
    return {f"stream.{name}" for name in names - {"labels"}}


def pattern(key: ast.expr) -> str:
    parts = key.values if isinstance(key, ast.JoinedStr) else [key]
    return "".join(re.escape(str(part.value)) if isinstance(part, ast.Constant) else "(.+)" for part in parts)


def spelled_elsewhere() -> set[str]:
    """Every string and field name in the code, for keys or parts of keys that travel in variables."""
    nodes = [node for source in SOURCES for node in ast.walk(ast.parse(source.read_text("utf-8")))]
    strings = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return strings | {node.target.id for node in nodes if isinstance(node, ast.AnnAssign)
                      and isinstance(node.target, ast.Name)}


def test_both_languages_have_the_same_keys():
    assert set(EN) == set(ZH) and list(EN) == list(ZH)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_key_is_given_twice(lang):
    def pairs(items):
        names = [name for name, _ in items]
        assert len(names) == len(set(names)), [name for name in names if names.count(name) > 1]
        return dict(items)

    raw = (ROOT / "resnet" / "locales" / f"{lang}.json").read_text("utf-8")
    tree = json.loads(raw, object_pairs_hook=pairs)
    assert raw == json.dumps(tree, ensure_ascii=False, indent=2) + "\n"


@pytest.mark.parametrize("section", SECTIONS)
def test_a_sentence_has_the_same_placeholders_in_both_languages(section):
    for key in keys_of(section):
        names = placeholders(EN[key])
        assert names == placeholders(ZH[key]), key
        for lang in LANGUAGES:
            filled = text(key, lang, **dict.fromkeys(names, "7"))
            assert bool(filled.strip()) == bool(EN[key].strip()) and "{" not in filled.replace("{}", ""), key


def test_the_code_asks_for_sentences_that_exist():
    keys, patterns = asked_for()
    assert len(keys) > 100 and patterns
    assert {key: where for key, where in keys.items() if key not in EN} == {}
    assert asked_by_scripts() and asked_by_scripts() <= set(EN)
    assert [p for p in patterns if not any(re.fullmatch(p, key) for key in EN)] == []


def composed() -> set[str]:
    """Patterns of the names that the code puts together anywhere: f"spelling_{name}" -> "spelling_(.+)"."""
    return {pattern(node) for source in SOURCES for node in ast.walk(ast.parse(source.read_text("utf-8")))
            if isinstance(node, ast.JoinedStr) and re.fullmatch(r"[\w.()+]*[a-z]{2}[\w.()+]*", pattern(node))}


def groups_named(strings: set[str]) -> set[str]:
    """Patterns of what stands in the groups that the code names in a string of their own: "breaks.how"."""
    return {rf"{re.escape(group)}\.(.+)" for group in strings if "." in group
            and any(key.startswith(f"{group}.") for key in EN)}


def groups_of_notes() -> set[str]:
    """Patterns of what stands in the groups of notes: Note(key, values, "errors"), under="difference"."""
    nodes = [node for source in SOURCES for node in ast.walk(ast.parse(source.read_text("utf-8")))]
    given = [node.value for node in nodes if isinstance(node, ast.keyword) and node.arg == "under"]
    given += [node.value for node in nodes if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
              and node.target.id == "under"]
    given += [node.args[2] for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
              and node.func.id == "Note" and len(node.args) == 3]
    return {rf"{re.escape(str(node.value))}\.(.+)" for node in given if isinstance(node, ast.Constant)}


def groups_of_choices() -> set[str]:
    """Patterns of the titles of a field's choices: option(..., label="compare.race.norm", titles=True)."""
    nodes = [node for source in SOURCES for node in ast.walk(ast.parse(source.read_text("utf-8")))]
    labels = [found[1] for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
              and node.func.id in LABELLED and (found := key_in(node))]
    return {f"{pattern(label)}_(.+)" for label in labels}


@pytest.mark.slow
def test_every_sentence_is_asked_for():
    keys, patterns = asked_for()
    loose, parts = spelled_elsewhere() | asked_by_scripts(), composed()
    patterns |= groups_named(loose) | groups_of_notes() | groups_of_choices()
    loose |= {word.replace("-", "_") for word in loose}
    assert not [p for p in patterns if re.fullmatch(p, "zebra.crossing")], "this would hide any key"

    splits = {p for one in patterns | parts for p in (one, one.replace("(.+)", "(.+?)"))}  # at the last _ or the first

    def put_together(key: str, depth: int = 2) -> bool:
        matches = [match for p in splits if (match := re.fullmatch(p, key))]
        return key in loose or depth > 0 and any(all(put_together(part, depth - 1) for part in match.groups())
                                                 for match in matches)

    unused = [key for key in EN if key not in keys and not put_together(key)
              and key.partition(".")[0] not in ("labels", "fields")]
    assert unused == []


def test_every_class_and_field_has_a_name():
    from resnet.data import DATA

    assert {f"labels.{label}" for spec in DATA.values() for label in spec.classes} <= set(EN)
    fields = {keyword.value.value for source in SOURCES for node in ast.walk(ast.parse(source.read_text("utf-8")))
              if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "InputError"
              for keyword in node.keywords if keyword.arg == "field" and isinstance(keyword.value, ast.Constant)}
    assert {field for field in fields if f"fields.{field}" not in EN} == set()


@pytest.mark.parametrize("section", SECTIONS)
def test_chinese_is_chinese(section):
    for key in keys_of(section):
        told = re.sub(r"\{\w+\}", "", ZH[key])
        assert not re.search(r"(?:\b[a-z]{2,}\b[ ,]+){4,}", told), told
        if re.search(r"[A-Za-z]{4,} [a-z]{3,}", EN[key]) and EN[key] != ZH[key]:
            assert re.search(r"[\u4e00-\u9fff]", told), key


@pytest.mark.parametrize("lang, ends", [("en", ".?"), ("zh", "。？")])
def test_an_error_is_one_line_that_ends(lang, ends):
    for key in keys_of("errors"):
        sentence = sentences(lang)[key]
        assert "\n" not in sentence and len(sentence) < 300, sentence
        assert sentence[-1] in ends or sentence.endswith("}"), sentence


def test_no_sentence_is_the_same_in_both():
    alike = [key for key in EN if EN[key] == ZH[key]]
    assert [key for key in alike if re.search(r"[a-z]{3,} [a-z]{3,}", re.sub(r"\{\w+\}", "", EN[key]))] == []

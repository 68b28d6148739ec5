"""The page's words: all of them in two files, in both languages, and none anywhere else."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from retail_forecast.serving.page.site import LANGUAGES
from retail_forecast_tests.serving.page.test_files import FOLDER

WORDS = {language: json.loads((FOLDER / "i18n" / f"{language}.json").read_text()) for language in LANGUAGES}
SCRIPTS = sorted((FOLDER / "js").rglob("*.js"))
CODE = "\n".join(path.read_text() for path in SCRIPTS)
LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"' + r"|`((?:[^`\\]|\\.)*)`")
NOT_FOR_PEOPLE = {"GET", "POST", "ArrowLeft", "ArrowRight", "ArrowDown", "ArrowUp", "Home", "End", "Enter", "Escape"}
NOT_FOR_PEOPLE |= {"Authorization", "Content-Type", "Content-Disposition", "AbortError", "UTC", "Bearer "}


def fields(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def without_comments(path: Path) -> str:
    return re.sub(r"/\*.*?\*/|^\s*//.*$", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)


def literals(path: Path) -> list[str]:
    """The texts in a script, without what is filled in and without addresses, markup and colours."""
    found = [a or b for a, b in LITERAL.findall(without_comments(path))]
    return [re.sub(r"\$\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}", "", text) for text in found]


def looks_like_words(text: str) -> bool:
    """Two words in a row, or one with a capital letter at its start."""
    if text in NOT_FOR_PEOPLE or re.match(r"^[Mm]\d|^\.{0,2}/", text):  # a path of SVG, a module
        return False
    return (
        re.search(r"[^\W\d_]{2,} [^\W\d_]{2,}", text) is not None or re.match(r"^[A-ZÀ-Ỹ][^\W\d_]+", text) is not None
    )


def test_both_languages_say_the_same_things() -> None:
    assert list(WORDS["en"]) == list(WORDS["vi"])
    assert {key for key in WORDS["en"] if fields(WORDS["en"][key]) != fields(WORDS["vi"][key])} == set()


def test_nothing_is_left_untranslated() -> None:
    same = {key for key in WORDS["en"] if WORDS["en"][key] == WORDS["vi"][key]}
    assert same == {"brand", "none", "told.range", "download.csv", "download.xlsx", "metric.wrmsse", "origin.sha256"}


def test_vietnamese_uses_the_words_of_the_trade() -> None:
    text = " ".join(WORDS["vi"].values()).lower()
    words = ["dự báo", "cửa hàng", "mặt hàng", "khuyến mãi", "giá", "khoảng tin cậy", "độ chính xác"]
    assert [word for word in words if word not in text] == []


def test_every_word_that_the_code_asks_for_is_there() -> None:
    asked = set(re.findall(r'\bt\("([\w./]+)"', CODE))
    assert asked - set(WORDS["en"]) == set()


def test_every_word_that_is_there_is_asked_for() -> None:
    begun = set(re.findall(r"`([\w.]+\.)\$\{", CODE)) | {f"{name}." for name in re.findall(r'named\("(\w+)"', CODE)}
    begun |= {
        f"problem.{status}" for status in ("no-forecasts", "unknown-", "0", "403", "404", "422", "429", "503", "other")
    }
    said = [key for key in WORDS["en"] if f'"{key}"' not in CODE and not any(key.startswith(one) for one in begun)]
    assert said == ["needs_script"]  # which the server fills in


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_words_for_people_are_in_the_code(path: Path) -> None:
    assert [text for text in literals(path) if looks_like_words(text)] == []

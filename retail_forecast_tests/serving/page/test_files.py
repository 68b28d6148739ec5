"""What may not be in the page's files, and that they reach whoever installs the package."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from retail_forecast.serving.page.site import read_site

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "retail_forecast" / "serving" / "page" / "static"
OURS = sorted(path for path in FOLDER.rglob("*") if path.is_file() and path.parent.name != "vendor")
NAMES = [str(path.relative_to(FOLDER)) for path in OURS]
VENDORED = {  # of uplot 1.6.32 from npm: dist/uPlot.iife.min.js, dist/uPlot.min.css, LICENSE
    "uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
    "uPlot.LICENSE.txt": "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
}


@pytest.mark.parametrize("path", OURS, ids=NAMES)
def test_no_file_names_another_host(path: Path) -> None:
    found = re.findall(r"""(?:https?:)?//[\w-]+(?:\.[\w-]+)+[^\s"')]*""", path.read_text())
    assert [url for url in found if not url.startswith("http://www.w3.org/")] == []  # the name of SVG, never asked


@pytest.mark.parametrize("path", [path for path in OURS if path.suffix == ".js"], ids=lambda path: path.name)
def test_a_text_never_becomes_markup_or_code(path: Path) -> None:
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|\.cssText"
    assert re.findall(forbidden, path.read_text()) == []


def test_the_first_page_has_no_script_and_no_style_of_its_own() -> None:
    text = (FOLDER / "index.html").read_text()
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=", text) == []


@pytest.mark.parametrize("name", VENDORED)
def test_the_chart_library_is_what_its_makers_published(name: str) -> None:
    assert hashlib.sha256((FOLDER / "vendor" / name).read_bytes()).hexdigest() == VENDORED[name]


def test_the_chart_library_comes_with_its_licence() -> None:
    assert sorted(path.name for path in (FOLDER / "vendor").iterdir()) == sorted([*VENDORED, "NOTICE.txt"])
    assert "MIT License" in (FOLDER / "vendor" / "uPlot.LICENSE.txt").read_text()
    assert "uPlot 1.6.32" in (FOLDER / "vendor" / "NOTICE.txt").read_text()


def test_the_files_stay_short() -> None:
    assert {path.name: lines for path in OURS if (lines := len(path.read_text().splitlines())) > 260} == {}


def test_the_wheel_holds_every_file_of_the_page(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    prefix = "retail_forecast/serving/page/static/"
    held = {name.removeprefix(prefix) for name in zipfile.ZipFile(wheel).namelist() if name.startswith(prefix)}
    assert held == {*read_site().files, "index.html"}

"""How the page's files are sent."""

from __future__ import annotations

import gzip
import re

import pytest
from starlette.testclient import TestClient

from retail_forecast.serving.app import build_app
from retail_forecast.serving.page.site import Site, read_site
from retail_forecast.serving.state import ServingState

WORDS = b'{"brand": "R & F", "needs_script": "!"}'
FILES = {"index.html": b"<title>{{brand}}</title>{{base}}", "i18n/en.json": WORDS, "i18n/vi.json": WORDS}


@pytest.fixture(scope="module")
def visitor() -> TestClient:
    """Somebody who comes before there are any forecasts."""
    return TestClient(build_app(ServingState()), raise_server_exceptions=False)


def test_the_page_is_there_before_any_forecast(visitor: TestClient) -> None:
    answer = visitor.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "{{" not in answer.text


def test_every_file_that_the_first_page_names_is_there(visitor: TestClient) -> None:
    named = re.findall(r'(?:href|src)="(page/[^"]+)"', visitor.get("/").text)
    assert len(named) > 20
    assert {visitor.get(f"/{path}").status_code for path in named} == {200}


def test_a_file_is_kept_for_ever_under_the_hash_of_the_whole(visitor: TestClient) -> None:
    path = f"/page/{read_site().digest}/js/app.js"
    assert visitor.get(path).headers["cache-control"] == "public, max-age=31536000, immutable"
    assert visitor.get("/").headers["cache-control"] == "no-cache"
    assert visitor.get("/page/0ld/js/app.js").headers["cache-control"] == "no-store"


def test_another_word_in_any_file_is_another_address() -> None:
    changed = {**FILES, "i18n/vi.json": WORDS.replace(b"!", b"?")}
    assert Site.build(FILES).digest != Site.build(changed).digest
    assert Site.build(FILES).index.content == b"<title>R &amp; F</title>page/%s/" % Site.build(FILES).digest.encode()


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_an_unchanged_file_is_not_sent_again(visitor: TestClient, encoding: str) -> None:
    first = visitor.get("/", headers={"accept-encoding": encoding})
    again = visitor.get("/", headers={"accept-encoding": encoding, "if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]


def test_files_are_sent_compressed_to_who_takes_it() -> None:
    file = read_site().files["vendor/uPlot.iife.min.js"]
    assert file.gzipped is not None
    assert gzip.decompress(file.gzipped) == file.content
    assert sum(len(one.gzipped or one.content) for one in read_site().files.values()) < 100_000


def test_a_head_request_tells_the_length_alone(visitor: TestClient) -> None:
    asked = {"accept-encoding": "identity"}
    answer = visitor.head("/", headers=asked)
    assert answer.content == b""
    assert int(answer.headers["content-length"]) == len(visitor.get("/", headers=asked).content)


def test_the_browser_is_told_to_trust_our_files_alone(visitor: TestClient) -> None:
    policy = visitor.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert visitor.get("/").headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["nothing.js", "../site.py", "..%2f..%2f__init__.py", "index.html"])
def test_nothing_else_can_be_had(visitor: TestClient, path: str) -> None:
    assert visitor.get(f"/page/{read_site().digest}/{path}").status_code == 404

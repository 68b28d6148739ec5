"""The page's files in memory: hashed, compressed once, with the headers that a browser gets."""

from __future__ import annotations

import gzip
import hashlib
import html
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
LANGUAGES = ("en", "vi")
_INDEX = "index.html"


@dataclass(frozen=True)
class StaticFile:
    """One file as it is sent; `gzipped` where that is shorter."""

    content: bytes = field(repr=False)
    media_type: str
    e_tag: str
    gzipped: bytes | None = field(repr=False)

    @classmethod
    def of(cls, name: str, content: bytes) -> StaticFile:
        """The file called `name`. Raises KeyError for a kind of file that the page does not have."""
        media_type = MEDIA_TYPES["." + name.rpartition(".")[2]]
        packed = gzip.compress(content, compresslevel=9, mtime=0)
        e_tag = hashlib.sha256(content).hexdigest()[:20]
        return cls(content, media_type, e_tag, packed if len(packed) < len(content) else None)


@dataclass(frozen=True)
class Site:
    """All files by their paths, the first page, and the hash of them all, which is part of their addresses."""

    digest: str
    index: StaticFile
    files: Mapping[str, StaticFile]

    @classmethod
    def build(cls, contents: Mapping[str, bytes]) -> Site:
        """The site of these files, with its first page filled in."""
        whole = hashlib.sha256()
        for name in sorted(contents):
            whole.update(f"{name}\0{len(contents[name])}\0".encode() + contents[name])
        digest = whole.hexdigest()[:12]
        others = {name: StaticFile.of(name, content) for name, content in contents.items() if name != _INDEX}
        return cls(digest, StaticFile.of(_INDEX, _fill(contents, f"page/{digest}/")), others)


@cache
def read_site() -> Site:
    """The site that is installed with us."""
    return Site.build(dict(_walk(files("retail_forecast.serving.page") / "static")))


def _walk(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        elif "." + entry.name.rpartition(".")[2] in MEDIA_TYPES:
            yield prefix + entry.name, entry.read_bytes()


def _fill(contents: Mapping[str, bytes], base: str) -> bytes:
    """The first page with the addresses of the other files and the few words that are there before any script."""
    modules = sorted(name for name in contents if name.startswith("js/") and name not in ("js/app.js", "js/theme.js"))
    preloads = "\n".join(f'<link rel="modulepreload" href="{base}{name}">' for name in modules)
    words = {language: json.loads(contents[f"i18n/{language}.json"]) for language in LANGUAGES}
    needed = "".join(
        f'<p lang="{language}">{html.escape(words[language]["needs_script"])}</p>' for language in LANGUAGES
    )
    filled = contents[_INDEX].decode()
    for name, text in {
        "base": base,
        "preloads": preloads,
        "brand": html.escape(words["en"]["brand"]),
        "needs_script": needed,
    }.items():
        filled = filled.replace(f"{{{{{name}}}}}", text)
    return filled.encode()

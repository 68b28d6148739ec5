"""Content codings. Only who asks for one pays for it."""

from __future__ import annotations

import threading
import zlib
from typing import Any

import zstandard

from retail_forecast.serving.negotiation import Coding

LEAST_BYTES = 1024
"""Less than this is sent as it is: it fits one packet anyhow."""

_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_local = threading.local()


def compressed(body: bytes, coding: Coding) -> bytes:
    """The whole body in the coding."""
    if coding == "zstd":
        return _zstd().compress(body)
    return zlib.compress(body, level=1, wbits=_GZIP_WINDOW)


def compressor(coding: Coding) -> Any:
    """Something with compress(bytes) and flush(), for a body that comes in pieces."""
    if coding == "zstd":
        return zstandard.ZstdCompressor(level=1).compressobj()
    return zlib.compressobj(1, wbits=_GZIP_WINDOW)


def _zstd() -> zstandard.ZstdCompressor:
    """One per thread: to make one takes longer than to compress an answer, and two threads must not share it."""
    if not hasattr(_local, "zstd"):
        _local.zstd = zstandard.ZstdCompressor(level=1)
    found: zstandard.ZstdCompressor = _local.zstd
    return found

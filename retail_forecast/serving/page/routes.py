"""`/` and the files behind it. They need no key: the page holds no forecasts, it asks the interface for them."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from retail_forecast.serving.page.site import StaticFile, read_site
from retail_forecast.serving.problems import ProblemError

router = APIRouter(include_in_schema=False)

CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}
_ASK_EACH_TIME = "no-cache"
_KEEP = "public, max-age=31536000, immutable"


@router.api_route("/", methods=["GET", "HEAD"])
async def get_page(request: Request) -> Response:
    """The first page; a browser asks each time whether it is still the same."""
    return _answer(request, read_site().index, _ASK_EACH_TIME)


@router.api_route("/page/{digest}/{path:path}", methods=["GET", "HEAD"])
async def get_file(request: Request, digest: str, path: str) -> Response:
    """One file of the page, kept for ever under its hash.

    While replicas are exchanged, a page of one version may ask a replica of the other: it gets that one's file, unkept.
    """
    site = read_site()
    if path not in site.files:
        detail = f"The page has no file {path!r}. Load / again if the page is an older one."
        raise ProblemError(404, "no-such-file", "No such file", detail)
    return _answer(request, site.files[path], _KEEP if digest == site.digest else "no-store")


def _answer(request: Request, file: StaticFile, cache_control: str) -> Response:
    packed = file.gzipped is not None and "gzip" in request.headers.get("accept-encoding", "")
    e_tag = f'"{file.e_tag}-gzip"' if packed else f'"{file.e_tag}"'
    headers = {**HEADERS, "Cache-Control": cache_control, "ETag": e_tag}
    if e_tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if packed:
        return Response(file.gzipped, headers={**headers, "Content-Encoding": "gzip"}, media_type=file.media_type)
    return Response(file.content, headers=headers, media_type=file.media_type)

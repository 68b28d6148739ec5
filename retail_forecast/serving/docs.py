"""/docs: Swagger UI from files that are installed with us, so that the page asks no other host for anything.

Its start is a file, too, for the page may run no script that is written in it (see security/headers.py).
"""

from __future__ import annotations

import json
from importlib.resources import files

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, Response
from fastapi.staticfiles import StaticFiles

_ASSETS = "/docs-assets"
_START = f"{_ASSETS}/start.js"
_PAGE = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Retail Forecast</title>
<link rel="stylesheet" href="{_ASSETS}/swagger-ui.css">
<link rel="icon" href="{_ASSETS}/favicon.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="{_ASSETS}/swagger-ui-bundle.js"></script>
<script src="{_START}"></script>
</body>
</html>
"""


def add_docs(app: FastAPI) -> None:
    """Serves the interactive description of the interface at /docs."""
    options = {
        "url": str(app.openapi_url),
        "dom_id": "#swagger-ui",
        "deepLinking": True,
        "defaultModelsExpandDepth": 0,
        "validatorUrl": None,
    }

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(_PAGE)

    @app.get(_START, include_in_schema=False)
    async def start() -> Response:
        return Response(f"SwaggerUIBundle({json.dumps(options)});\n", media_type="text/javascript")

    app.mount(_ASSETS, StaticFiles(directory=str(files("fastapi_offline") / "static")), name="docs-assets")

"""What the OpenAPI document says of keys and tokens, where they are asked for; /docs then has a field for them."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from retail_forecast.serving.security.callers import scope_of

SCHEMES: dict[str, dict[str, Any]] = {
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key."},
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, or an access token of the issuer."},
}


def document_security(app: FastAPI) -> None:
    """Every operation names the schemes and its scope; those that need no key say so.

    Replacing `openapi` of the application is FastAPI's documented way to extend the document.
    """
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        document = plain()
        document["components"]["securitySchemes"] = SCHEMES
        for path, operations in document["paths"].items():
            scope = scope_of(path)
            for operation in operations.values():
                operation["security"] = [{name: []} for name in SCHEMES] if scope is not None else []
                if scope is not None:
                    operation["x-scope"] = scope
        return document

    app.openapi = openapi  # type: ignore[method-assign]

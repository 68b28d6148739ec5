"""An issuer of access tokens: keys of its own, and a server that publishes them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

ISSUER, AUDIENCE = "https://id.example.com", "forecasts"


class Issuer:
    """Publishes `published` at `url`; answers `status`, and counts how often it was asked."""

    def __init__(self) -> None:
        self.private: dict[str, tuple[Any, str]] = {}
        self.published: list[str] = []
        self.status, self.asked, self.url = 200, 0, ""

    def add(self, kid: str, algorithm: str) -> None:
        """A new key, published from now on."""
        make: dict[str, Any] = {
            "RS256": lambda: rsa.generate_private_key(65537, 2048),
            "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
            "EdDSA": ed25519.Ed25519PrivateKey.generate,
        }
        self.private[kid] = (make[algorithm](), algorithm)
        self.published.append(kid)

    def token(self, kid: str, **claims: Any) -> str:
        """Signed by that key; `claims` replace the usual ones, None leaves one out."""
        usual = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "scope": "forecasts:read", "exp": time.time() + 600}
        key, algorithm = self.private[kid]
        said = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        return jwt.encode(said, key, algorithm=algorithm, headers={"kid": kid})

    def jwks(self) -> dict[str, Any]:
        """What is published."""
        return {"keys": [self._public(kid) for kid in self.published]}

    def _public(self, kid: str) -> dict[str, Any]:
        key, name = self.private[kid]
        algorithm: Any = get_default_algorithms()[name]
        return {**json.loads(algorithm.to_jwk(key.public_key())), "kid": kid, "alg": name, "use": "sig"}


@contextmanager
def serve_issuer() -> Iterator[Issuer]:
    """The issuer, on a free port of the loopback."""
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked += 1
            self.send_response(issuer.status)
            self.end_headers()
            self.wfile.write(json.dumps(issuer.jwks()).encode())

        def log_message(self, *_: object) -> None:
            """Is quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    issuer.url = f"http://127.0.0.1:{server.server_port}/jwks"
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

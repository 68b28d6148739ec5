from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from retail_forecast.serving.app import build_app
from retail_forecast.serving.security.authenticator import Authenticator
from retail_forecast.serving.security.key_ring import KeyRing
from retail_forecast.serving.security.keys import add_key, make_key
from retail_forecast.serving.security.security import Security
from retail_forecast.serving.state import ServingState

MakeClient = Callable[[Security], TestClient]


@pytest.fixture
def make_client(serving: ServingState) -> Iterator[MakeClient]:
    """The API of a replica under that security."""
    with ExitStack() as stack:
        yield lambda security: stack.enter_context(
            TestClient(build_app(serving, security=security), raise_server_exceptions=False)
        )


@pytest.fixture
def keys_path(tmp_path: Path) -> Path:
    return tmp_path / "serve" / "keys.json"


@pytest.fixture
def planner(keys_path: Path) -> str:
    """A key that may read forecasts and nothing else."""
    key, record = make_key("planner", ["forecasts:read"])
    add_key(keys_path, record)
    return key


@pytest.fixture
def with_keys(make_client: MakeClient, keys_path: Path, planner: str) -> TestClient:
    """An API that asks for keys and knows the planner's."""
    return make_client(Security(Authenticator(KeyRing(keys_path), None)))

"""The HTTP server: one port on loopback for clients, one Unix socket for the hosts of training jobs."""

from __future__ import annotations

import shutil
import socket
import tempfile
import threading
from pathlib import Path
from typing import Any, Self

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from retail_forecast.emulator.application import Application
from retail_forecast.emulator.control import Control
from retail_forecast.emulator.events import publish_event
from retail_forecast.emulator.faults import Faults
from retail_forecast.emulator.recorder import Recorder
from retail_forecast.emulator.sagemaker.access import RoleSessions
from retail_forecast.emulator.sagemaker.attempt import World
from retail_forecast.emulator.sagemaker.images import Images
from retail_forecast.emulator.sagemaker.network import HostNetwork
from retail_forecast.emulator.sagemaker.service import SageMaker

_PREFIX = "cloud-"


class EmulatorServer:
    """Serves on threads of its own from `__enter__` to `__exit__`. `settings` are those of `World`."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        record: Path | None = None,
        images: dict[str, list[str]] | None = None,
        network: HostNetwork | None = None,
        **settings: Any,
    ) -> None:
        _remove_abandoned()
        self._sockets = tempfile.TemporaryDirectory(prefix=_PREFIX)
        inside = Path(self._sockets.name) / "http"
        self._front = _server("127.0.0.1", port)
        self._back = _server(f"unix://{inside}", 0)
        jobs, network = folder.resolve() / "jobs", network or HostNetwork()
        world = World(jobs, self._front.server_port, inside, Images(images), network, **settings)
        self.sagemaker = SageMaker(world, RoleSessions(self.endpoint_url), publish_event)
        moto = DomainDispatcherApplication(create_backend_app)
        app = Application(moto, Control(self.sagemaker, Faults(), Recorder(record)))
        self._front.app = self._back.app = app

    @property
    def endpoint_url(self) -> str:
        """What AWS_ENDPOINT_URL should be."""
        return f"http://127.0.0.1:{self._front.server_port}"

    def __enter__(self) -> Self:
        for server in (self._front, self._back):
            threading.Thread(target=server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.sagemaker.close()
        for server in (self._front, self._back):
            server.shutdown()
            server.server_close()
        self._sockets.cleanup()


def _server(host: str, port: int) -> Any:
    return make_server(host, port, _not_yet, threaded=True, request_handler=MotoRequestHandler)


def _remove_abandoned() -> None:
    """Removes the sockets of emulators that were killed: nobody answers there."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/http"):
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                shutil.rmtree(path.parent, ignore_errors=True)
            except OSError:
                continue


def _not_yet(_environ: Any, _start_response: Any) -> Any:
    raise RuntimeError("The emulator has not been put together yet.")

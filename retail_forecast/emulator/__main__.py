"""python -m retail_forecast.emulator: the emulator until it is interrupted."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from retail_forecast.emulator.cloud import READY
from retail_forecast.emulator.sagemaker.network import HostNetwork
from retail_forecast.emulator.server import EmulatorServer


def main(arguments: list[str] | None = None) -> int:
    """Serves until SIGINT or SIGTERM, or until standard input closes where that was asked for."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # no line for every request
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    if options.end_with_stdin:
        threading.Thread(target=_await_end_of_stdin, args=(ended,), daemon=True).start()
    with EmulatorServer(
        options.folder,
        port=options.port,
        record=options.record,
        images=json.loads(options.images.read_text(encoding="utf-8")) if options.images else None,
        network=HostNetwork(allow_isolation=not options.no_namespaces),
        grace_seconds=options.grace_seconds,
        sync_seconds=options.sync_seconds,
        capacity_seconds=options.capacity_seconds,
        interrupt_spot_after_seconds=options.interrupt_spot_after_seconds,
    ) as server:
        sys.stdout.write(f"{READY}{server.endpoint_url}\n")
        sys.stdout.flush()
        ended.wait()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m retail_forecast.emulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument("--folder", type=Path, required=True, help="where jobs live, and the emulator's log")
    parser.add_argument("--record", type=Path, metavar="FILE", help="append a line of JSON for each call of AWS")
    parser.add_argument("--images", type=Path, metavar="FILE", help="JSON: glob of an image -> its command")
    parser.add_argument("--grace-seconds", type=float, default=120, help="from SIGTERM to SIGKILL (120, as on AWS)")
    parser.add_argument("--sync-seconds", type=float, default=1, help="between two uploads of checkpoints (1)")
    parser.add_argument("--capacity-seconds", type=float, default=0, help="an interrupted spot job waits so long (0)")
    parser.add_argument(
        "--interrupt-spot-after-seconds", type=float, metavar="SECONDS", help="interrupt each spot job once, that late"
    )
    parser.add_argument("--no-namespaces", action="store_true", help="jobs run without an /opt/ml of their own")
    parser.add_argument("--end-with-stdin", action="store_true", help="end when standard input closes")
    return parser


def _await_end_of_stdin(ended: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    ended.set()


if __name__ == "__main__":
    sys.exit(main())

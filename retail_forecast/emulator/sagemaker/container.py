"""python -m retail_forecast.emulator.sagemaker.container SPEC.json: one host of a job, from the inside.

It runs in mount, network and UTS namespaces of its own, where there are such. It gives the host its /opt/ml, its
/etc/hosts, its name, its network card and the way to the cloud, then runs the command as process number 1 of a
further namespace, as a container would. Lines on standard input, "SIGTERM" or "SIGKILL", go to the command, and so
does the end of standard input, as SIGKILL: a job ends with the emulator.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

ML_ROOT = Path("/opt/ml")
BRIDGE = "br0"
_PROCESS_TABLE = (
    *("unshare", "--pid", "--fork", "--kill-child", "--mount-proc"),
    *("sh", "-c", 'exec "$@" 2>&1', "sh"),
)


def main(spec_file: str) -> int:
    """Runs the command of the specification; its exit code, or 128 and the signal that ended it."""
    spec = json.loads(Path(spec_file).read_text(encoding="utf-8"))
    if spec["isolated"]:
        mount_ml(Path(spec["ml"]), Path(spec["opt"]))
        run("mount", "--bind", spec["hosts_file"], "/etc/hosts")
        socket.sethostname(spec["name"])
        connect(spec)
    code = asyncio.run(_supervise(spec))
    return 128 - code if code < 0 else code


def run(*command: str) -> None:
    """Runs a command that must succeed."""
    subprocess.run(command, check=True)


def mount_ml(ml: Path, stage: Path) -> None:
    """Makes /opt/ml this host's own. Where the machine has none, /opt is covered by a copy of itself that has one."""
    if ML_ROOT.is_dir():
        run("mount", "--bind", str(ml), str(ML_ROOT))
        return
    stage.mkdir()
    for entry in ML_ROOT.parent.iterdir():
        place = stage / entry.name
        if entry.is_symlink():
            place.symlink_to(entry.readlink())
            continue
        place.mkdir() if entry.is_dir() else place.touch()
        run("mount", "--rbind", str(entry), str(place))
    (stage / ML_ROOT.name).mkdir()
    run("mount", "--bind", str(ml), str(stage / ML_ROOT.name))
    run("mount", "--rbind", str(stage), str(ML_ROOT.parent))


def connect(spec: dict[str, Any]) -> None:
    """Plugs this host's eth0 into the bridge of all hosts, whose network namespace the process `switch` holds."""
    switch, port = str(spec["switch"]), spec["card"]
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", port, "netns", switch)
    run("nsenter", "-t", switch, "-n", "ip", "link", "set", port, "master", BRIDGE, "up")
    run("ip", "address", "add", f"{spec['address']}/16", "dev", "eth0")
    run("ip", "link", "set", "eth0", "up")


async def _supervise(spec: dict[str, Any]) -> int:
    relay = await _relay(spec["cloud_port"], spec["cloud_socket"]) if spec["isolated"] else None
    command, err = spec["command"], asyncio.subprocess.STDOUT
    if spec["isolated"]:  # unshare complains when its child was killed, which is no line of the container's
        command, err = [*_PROCESS_TABLE, *command], asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        *command,
        env=spec["environment"],
        cwd=spec["cwd"],
        stdin=asyncio.subprocess.DEVNULL,
        stderr=err,
        start_new_session=True,
    )
    orders = asyncio.create_task(_obey(process, isolated=spec["isolated"]))
    code = await process.wait()
    orders.cancel()
    if relay:
        relay.close()
    return code


async def _obey(process: asyncio.subprocess.Process, *, isolated: bool) -> None:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    with suppress(ProcessLookupError, FileNotFoundError):  # it has ended
        send = partial(os.kill, await _child_of(process.pid)) if isolated else partial(os.killpg, process.pid)
        while order := await reader.readline():
            send(signal.Signals[order.decode().strip()])
        send(signal.SIGKILL)


async def _child_of(pid: int) -> int:
    """The command under unshare. Killing unshare before it has a child, or just then, would leave the child alive."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    while not (found := children.read_text(encoding="ascii").split()):
        await asyncio.sleep(0.01)
    return int(found[0])


async def _relay(port: int, path: str) -> asyncio.Server:
    """Makes the cloud's port reachable inside the host, over the emulator's Unix socket."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            writer.write_eof()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.CancelledError, OSError):
            cloud_reader, cloud_writer = await asyncio.open_unix_connection(path)
            await asyncio.gather(pump(reader, cloud_writer), pump(cloud_reader, writer))
            for end in (writer, cloud_writer):
                end.close()

    return await asyncio.start_server(accept, "127.0.0.1", port)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

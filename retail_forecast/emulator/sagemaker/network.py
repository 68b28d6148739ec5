"""The network of all hosts: one bridge in a namespace of its own, so that nothing of this machine's is touched."""

from __future__ import annotations

import itertools
import logging
import os
import subprocess
import sys
import threading
from functools import cached_property
from pathlib import Path

from retail_forecast.emulator.sagemaker.container import BRIDGE

_GATE = "10.77.0.1/16"
_SWITCH = (
    f"ip link add {BRIDGE} type bridge && ip address add {_GATE} dev {BRIDGE} && ip link set {BRIDGE} up && echo up"
)
_TRIAL = f"mount --bind /tmp /opt && unshare --pid --fork --mount-proc true && {_SWITCH}"
_LOG = logging.getLogger(__name__)


class HostNetwork:
    """Starts processes as hosts. `isolated` is False where the machine has no namespaces for us (macOS, gVisor)."""

    def __init__(self, *, allow_isolation: bool = True) -> None:
        self._allowed = allow_isolation
        self._numbers = itertools.count(2)
        self._lock = threading.Lock()
        self._switch: subprocess.Popen[str] | None = None

    @property
    def isolated(self) -> bool:
        """Whether each host has an /opt/ml, a network card and a process table of its own."""
        return self._user_flags is not None

    def next_number(self) -> int:
        """A number for a host that no other host of this emulator has had."""
        with self._lock:
            return next(self._numbers)

    @staticmethod
    def address(number: int) -> str:
        """The address of a host by its number.

        >>> HostNetwork.address(258)
        '10.77.1.2'
        """
        return f"10.77.{number // 256 % 256}.{number % 256}"

    def switch_pid(self) -> int:
        """The process that holds the bridge; it is started with the first host."""
        with self._lock:
            if self._switch is None:
                command = ["unshare", *(self._user_flags or []), "--net", "sh", "-c", f"{_SWITCH} && exec cat"]
                pipe = subprocess.PIPE
                self._switch = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, start_new_session=True)
                if not self._switch.stdout or self._switch.stdout.readline() != "up\n":
                    raise RuntimeError(f"The bridge {BRIDGE} of the emulated hosts could not be made.")
            return self._switch.pid

    def start_host(self, spec_file: Path) -> subprocess.Popen[bytes]:
        """Starts the container module on a specification, in namespaces of its own where there are such."""
        enter: list[str] = []
        if self.isolated:
            if self._user_flags:
                enter = ["nsenter", "-t", str(self.switch_pid()), "--user", "--preserve-credentials", "--"]
            enter += ["unshare", "--mount", "--net", "--uts", "--propagation", "private"]
        return subprocess.Popen(
            [*enter, sys.executable, "-m", "retail_forecast.emulator.sagemaker.container", str(spec_file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )

    def close(self) -> None:
        """Ends the bridge; hosts have ended before."""
        if self._switch:
            self._switch.kill()
            self._switch.communicate()

    @cached_property
    def _user_flags(self) -> list[str] | None:
        """How to come by namespaces: as root directly, else through a user namespace; None if not at all."""
        ways: list[list[str]] = [["--map-root-user"]] if os.geteuid() else [[], ["--map-root-user"]]
        for flags in ways if self._allowed and sys.platform == "linux" else []:
            trial = ["unshare", *flags, "--mount", "--net", "--uts", "--propagation", "private", "sh", "-c", _TRIAL]
            if subprocess.run(trial, capture_output=True, check=False).returncode == 0:
                return flags
        _LOG.warning("No namespaces on this machine: jobs get RETAIL_FORECAST_ML_ROOT instead of /opt/ml.")
        return None

"""Files that a shard wrote on another host, on their way to the one that asked. A shard names them: `outputs`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Delivery:
    """The result of a shard, and its files by path."""

    result: Any
    files: Mapping[str, bytes]

    def unpack(self) -> Any:
        """Puts the files in place, each of them whole or not at all, and returns the result."""
        for name, content in self.files.items():
            file = Path(name)
            if not file.exists():
                file.parent.mkdir(parents=True, exist_ok=True)
                aside = file.with_name(f"{file.name}.part")
                aside.write_bytes(content)
                aside.replace(file)
        return self.result


def pack(result: Any, shard: object) -> Delivery:
    """The result with the files that the shard was to write and did."""
    named: tuple[Path, ...] = getattr(shard, "outputs", ())
    return Delivery(result, {str(file): file.read_bytes() for file in named if file.is_file()})

"""python -m retail_forecast.parallel.start_ray ADDRESS …: `ray start …` on the host that has the address.

`ray start` itself takes `--node-ip-address`, but before it looks at that it asks which address leads to 8.8.8.8, and
says so where none does, as in the network of a training job.
"""

from __future__ import annotations

import sys
from typing import Any


def main(address: str, arguments: list[str]) -> None:
    """Does not return before Ray ended, with `--block` among the arguments."""
    from ray._private import services
    from ray.scripts.scripts import cli

    known: Any = services
    known.get_node_ip_address = lambda _address=None: address
    cli(["start", *arguments, f"--node-ip-address={address}"])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])

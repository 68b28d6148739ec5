"""What commands ask of a home: which dataset it holds, which vintage is the latest."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from retail_forecast.errors import ConfigurationError, NotFoundError, RetailForecastError

if TYPE_CHECKING:
    from retail_forecast.lake import Lake
    from retail_forecast.lake.vintages import Vintage
    from retail_forecast.settings import Settings


def refuse_another_dataset(path: Path, name: str) -> None:
    """Raises RetailForecastError if the home holds another dataset: the files of two would mix in its landing."""
    from retail_forecast.dataset import load_dataset

    if path.exists() and (present := load_dataset(path).name) != name:
        text = f"{path} describes the dataset {present!r}, and a home holds one; this is {name!r}."
        raise RetailForecastError(f"{text} Choose another home: export RETAIL_FORECAST_HOME=.retail-forecast-{name}")


def keep_dataset(path: Path, text: str) -> None:
    """Writes dataset.yaml into the home, whole for whoever reads it meanwhile; one that says the same already stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        aside = path.with_name(f".{path.name}.part")
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)


def latest_vintage_of(lake: Lake) -> Vintage:
    """The vintage in force. Raises NotFoundError if nothing is published yet."""
    from retail_forecast.lake.vintages import latest_vintage

    vintage = latest_vintage(lake)
    if vintage is None:
        raise NotFoundError("A published forecast", fix="Run `retail-forecast run` first.")
    return vintage


def refuse_taken_ports(settings: Settings, names: Iterable[str]) -> None:
    """Raises ConfigurationError naming the first of these settings whose port somebody listens on."""
    for name in names:
        if port_is_taken(settings.host, port := getattr(settings, name)):
            key, found = f"RETAIL_FORECAST_{name.upper()}", f"port {port}, which another process listens on"
            raise ConfigurationError(key=key, found=found, expected="a free port, or that process stopped")


def port_is_taken(host: str, port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0

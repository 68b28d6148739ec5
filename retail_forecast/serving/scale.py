"""How many replicas answer: the setting's, until somebody scales the endpoint."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from retail_forecast.errors import ConfigurationError
from retail_forecast.serving.processes import serve_folder
from retail_forecast.settings import Settings

_FILE = "scale.json"


@dataclass(frozen=True)
class Scale:
    """As many replicas as `least`, up to `most` while requests wait. Raises ConfigurationError for what cannot be."""

    least: int
    most: int

    def __post_init__(self) -> None:
        if not 1 <= self.least <= self.most:
            found = f"{self.least} to {self.most}"
            raise ConfigurationError(key="replicas", found=found, expected="1 or more, and no less than the least")

    @property
    def is_fixed(self) -> bool:
        """Whether the number never changes."""
        return self.least == self.most


def read_scale(settings: Settings) -> Scale:
    """What was asked for last with `write_scale`, else RETAIL_FORECAST_REPLICAS."""
    file = serve_folder(settings) / _FILE
    if not file.exists():
        return Scale(settings.replicas, settings.replicas)
    return Scale(**json.loads(file.read_text(encoding="utf-8")))


def write_scale(settings: Settings, scale: Scale) -> None:
    """Keeps it for this and later deployments of the home."""
    folder = serve_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{_FILE}"
    draft.write_text(json.dumps(asdict(scale)), encoding="utf-8")
    draft.replace(folder / _FILE)

"""What can be asked for as a file."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from retail_forecast.serving.contracts import Identifier


class DownloadQuery(BaseModel):
    """Which forecasts, a series' or a group's, and as which kind of file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    store_id: Identifier | None = None
    item_id: Identifier | None = None
    level: Identifier | None = Field(None, description="As in a URL, with colons for slashes: store_id:department.")
    group: str | None = Field(None, min_length=1, max_length=500)
    format: Literal["csv", "xlsx"] = "csv"

    @model_validator(mode="after")
    def _one_thing(self) -> DownloadQuery:
        given = {name for name in ("store_id", "item_id", "level", "group") if getattr(self, name) is not None}
        if given not in ({"store_id", "item_id"}, {"level", "group"}):
            raise ValueError("expected either store_id and item_id, or level and group")
        return self

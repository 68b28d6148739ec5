"""A model on disk: a folder of text and JSON, nothing that runs when it is read.

bundle.json       recipe, features in the order of the model's columns, pools of stores, training cutoff and origin
categories.json   per pool: the values behind the codes of categorical features
shards/<pool>/     one model per member, in LightGBM's text format
shards/groups/    the same for the sums of groups, where there are groups, and regression.json beside it
seen.json         per pool: the covariates known ahead that its model has learned from (see `seen`)
calibration.json  how far items follow their groups (after a backtest)
intervals.json    residual quantiles of the backtest, by level (once there was one)
scores.json       the backtest's scores (once there was one)
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retail_forecast.errors import NotFoundError, SchemaError
from retail_forecast.features import FeatureSpec, Grouping, feature_names, group_column, group_spec
from retail_forecast.models.alignment import alignment_factors
from retail_forecast.models.ensemble import load_members, predict_blocks
from retail_forecast.models.feature_matrix import Columns, Matrix, build_feature_matrix
from retail_forecast.models.gradient_boosting import Booster
from retail_forecast.models.group_model import GroupModel, read_regression
from retail_forecast.models.intervals import Intervals, intervals_from_json
from retail_forecast.models.recipe import SCALED, Recipe
from retail_forecast.models.seen import Seen

logger = logging.getLogger(__name__)

FORMAT = 4
_FIRST_GROUPS = {"regression": 0.0, "group_members": [SCALED]}  # of bundles whose recipe does not name them yet
GROUPS = "groups"
KEYS = ["store_id", "item_id", "date"]
SERIES_LEVEL = "store_id/item_id"


@dataclass(frozen=True)
class Bundle:
    """A trained model: an ensemble per pool of stores. Boosters are read when they are first needed."""

    path: Path
    recipe: Recipe
    spec: FeatureSpec
    pools: Mapping[str, list[str]]
    training_cutoff: date
    origin: Mapping[str, Any]
    categories: Mapping[str, dict[str, list[str]]]
    grouping: Grouping | None = None
    _boosters: dict[str, dict[str, Booster]] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def load(cls, path: Path) -> Self:
        """The bundle in a folder. Raises NotFoundError if it is none."""
        content = _read_json(path / "bundle.json")
        if content.get("format") != FORMAT:
            fix = f"This version reads format {FORMAT}: train again."
            raise NotFoundError(f"A bundle of format {content.get('format')} in {path}, which can be read,", fix=fix)
        spec = FeatureSpec.from_json(content["spec"])
        if "features" not in content:
            logger.warning("The model in %s does not say the order of its columns. Train again: it may be wrong.", path)
        elif content["features"] != feature_names(spec):
            raise NotFoundError(f"A bundle in {path} with the columns of its features", fix="Train again.")
        return cls(
            path=path,
            recipe=Recipe.from_json({**_FIRST_GROUPS, **content["recipe"]}),
            spec=spec,
            pools=content["pools"],
            training_cutoff=date.fromisoformat(content["training_cutoff"]),
            origin=content["origin"],
            categories=_read_json(path / "categories.json"),
            grouping=Grouping(**content["grouping"]) if content["grouping"] else None,
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the names and bytes of all files."""
        total = hashlib.sha256()
        for file in sorted(file for file in self.path.rglob("*") if file.is_file()):
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            total.update(f"{file.relative_to(self.path).as_posix()}:{content}\n".encode())
        return total.hexdigest()

    @cached_property
    def intervals(self) -> Mapping[str, Intervals]:
        """Level to what the backtest's residuals say of it. Raises NotFoundError before there was a backtest."""
        return intervals_from_json(_read_json(self.path / "intervals.json"))

    @cached_property
    def seen(self) -> Mapping[str, Seen] | None:
        """Pool to the covariates that its model has learned from; None for a model that kept no note of them."""
        file = self.path / "seen.json"
        return {pool: Seen.from_json(one) for pool, one in _read_json(file).items()} if file.exists() else None

    @cached_property
    def alignment_weight(self) -> float:
        """How far items follow their groups; all the way before there was a backtest."""
        file = self.path / "calibration.json"
        return float(_read_json(file)["alignment"]) if file.exists() else 1.0

    def predict(self, features: pl.DataFrame) -> pl.DataFrame:
        """One row per feature row, in its order: store_id, item_id, date, mean (expected units).

        Each store is answered by its pool; a store that no pool has seen by the mean of all pools. Where rows have a
        column `alignment`, means are multiplied with it.
        """
        if missing := [name for name in feature_names(self.spec) if name not in features.columns]:
            problems = [f"column {missing[0]!r} is missing"]
            raise SchemaError(
                table="features", problems=problems, fix="Build the features that this model was made of."
            )
        mean = np.zeros(features.height)
        pools = features["store_id"].replace_strict(self._pool_of, default=None, return_dtype=pl.String)
        for (pool,), rows in pools.to_frame("pool").with_row_index("row").partition_by("pool", as_dict=True).items():
            at = rows["row"].to_numpy()
            names = [str(pool)] if pool is not None else sorted(self.pools)
            mean[at] = np.mean([self.predict_pool(name, self.encode(name, features[at])) for name in names], axis=0)
        if "alignment" in features.columns:
            mean *= features["alignment"].to_numpy()
        return features.select(KEYS).with_columns(mean=pl.Series(mean).cast(pl.Float32))

    def predict_groups(self, rows: pl.DataFrame, cutoff: date) -> pl.DataFrame:
        """One row per feature row of a group after the cutoff: store_id, group, date, mean (expected units of all).

        rows: also those before the cutoff, see `GroupModel.predict`.
        """
        return self.group_model.predict(rows, cutoff).rename({"item_id": "group"})

    @cached_property
    def group_model(self) -> GroupModel:
        """What forecasts the sums of groups."""
        regression = read_regression(regression_file(self.path)) if self.recipe.regression else None
        categories = self.categories[GROUPS]
        return GroupModel(self.recipe.for_groups(), group_spec(self.spec), categories, self.members(GROUPS), regression)

    def alignment(self, features: pl.DataFrame, forecasts: pl.DataFrame, groups: pl.DataFrame) -> pl.Series:
        """The column `alignment` of feature rows whose means are `forecasts`: all of their groups must be there."""
        grouped = forecasts.with_columns(group=group_column(features, self.grouping))
        return alignment_factors(grouped, groups, weight=self.alignment_weight)

    def add_quantiles(self, forecasts: pl.DataFrame, quantiles: Sequence[float]) -> pl.DataFrame:
        """The same rows (with lead, mean and spread) and a column q<quantile> per quantile; they never cross."""
        return self.intervals[SERIES_LEVEL].add_quantiles(forecasts, quantiles)

    def pools_for(self, store_id: str) -> list[str]:
        """Whose mean answers for a store: its pool, or all of them where none has seen it."""
        return [self._pool_of[store_id]] if store_id in self._pool_of else sorted(self.pools)

    def encode(self, pool: str, features: pl.DataFrame) -> Matrix:
        """[N, F]: feature rows as the numbers that a pool's model reads."""
        return build_feature_matrix(features, self.spec, self.categories[pool])

    def predict_pool(self, pool: str, matrix: Matrix) -> NDArray[np.float64]:
        """[N, F] of `encode` to [N]: the expected units of each row, as one pool has it and before alignment."""
        return self.predict_pools([(pool, len(matrix))], matrix)

    def predict_pools(self, blocks: Sequence[tuple[str, int]], matrix: Matrix) -> NDArray[np.float64]:
        """The same of several pools at once, which costs less: each has so many of the rows, one after the other."""
        members = [(self.members(pool), rows) for pool, rows in blocks]
        return predict_blocks(members, matrix, self.recipe, self.columns)

    @cached_property
    def columns(self) -> Columns:
        """Where each feature stands in the matrix of a pool."""
        return Columns(self.spec)

    @cached_property
    def _pool_of(self) -> dict[str, str]:
        return {store: pool for pool, stores in self.pools.items() for store in stores}

    def members(self, pool: str) -> dict[str, Booster]:
        """The models of a pool by member."""
        if pool not in self._boosters:
            members = (self.recipe.for_groups() if pool == GROUPS else self.recipe).members
            files = {str(member): member_file(self.path, pool, member) for member in members}
            texts = {member: file.read_text(encoding="utf-8") for member, file in files.items()}
            self._boosters[pool] = load_members(texts)
        return self._boosters[pool]


def member_file(path: Path, pool: str, member: str) -> Path:
    """Where the model of one member of a pool stands in a bundle."""
    return path / "shards" / pool / f"{member}.txt"


def regression_file(path: Path) -> Path:
    """Where the regression of groups stands in a bundle."""
    return path / "shards" / GROUPS / "regression.json"


def write_bundle(
    path: Path,
    *,
    recipe: Recipe,
    spec: FeatureSpec,
    pools: Mapping[str, Sequence[str]],
    training_cutoff: date,
    origin: Mapping[str, Any],
    categories: Mapping[str, Mapping[str, Sequence[str]]],
    grouping: Grouping | None = None,
    models: Mapping[str, Mapping[str, str]] | None = None,
    seen: Mapping[str, Seen] | None = None,
) -> Bundle:
    """Writes the bundle and loads it. `models` are the texts by pool and member, if no files are there."""
    for pool, texts in (models or {}).items():
        for member, text in texts.items():
            file = member_file(path, pool, member)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    content = {
        "format": FORMAT,
        "recipe": recipe.to_json(),
        "spec": spec.to_json(),
        "features": feature_names(spec),
        "pools": {pool: list(stores) for pool, stores in pools.items()},
        "training_cutoff": training_cutoff.isoformat(),
        "origin": dict(origin),
        "grouping": asdict(grouping) if grouping else None,
    }
    write_json(path / "categories.json", categories)
    if seen is not None:
        write_json(path / "seen.json", {pool: one.to_json() for pool, one in seen.items()})
    write_json(path / "bundle.json", content, sort_keys=False)  # the order of values is that of the model's columns
    return Bundle.load(path)


def write_json(file: Path, content: object, *, sort_keys: bool = True) -> None:
    """Writes JSON, with sorted keys unless their order says something, so that equal contents are equal bytes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=1, sort_keys=sort_keys) + "\n", encoding="utf-8")


def _read_json(file: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotFoundError(str(file), fix="Train the model, and backtest it, before it is used.") from error
    return content

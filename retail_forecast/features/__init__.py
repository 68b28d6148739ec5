"""Sales, covariates and attributes in; one row per active series and period with all features out."""

from retail_forecast.features.build import build_features, stream_features
from retail_forecast.features.categories import Categories, build_categories, encode_categories
from retail_forecast.features.grid import first_sales
from retail_forecast.features.group_features import build_group_features, training_phases
from retail_forecast.features.groups import Grouping, choose_grouping, group_column, group_of, group_spec
from retail_forecast.features.known import add_known_features
from retail_forecast.features.spec import (
    AttributeTable,
    CovariateTable,
    FeatureSpec,
    categorical_features,
    feature_names,
    level_names,
)

__all__ = [
    "AttributeTable",
    "Categories",
    "CovariateTable",
    "FeatureSpec",
    "Grouping",
    "add_known_features",
    "build_categories",
    "build_features",
    "build_group_features",
    "categorical_features",
    "choose_grouping",
    "encode_categories",
    "feature_names",
    "first_sales",
    "group_column",
    "group_of",
    "group_spec",
    "level_names",
    "stream_features",
    "training_phases",
]

"""Sales, covariates and attributes in; one row per active series and period with all features out."""

from retail_forecast.features.build import build_features
from retail_forecast.features.categories import Categories, build_categories, encode_categories
from retail_forecast.features.grid import first_sales
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
    "add_known_features",
    "build_categories",
    "build_features",
    "categorical_features",
    "encode_categories",
    "feature_names",
    "first_sales",
    "level_names",
]

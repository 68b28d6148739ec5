"""Where bytes live: object stores, tables published whole, arrivals, vintages and other artifacts."""

from retail_forecast.lake.stores import Store, open_store
from retail_forecast.lake.tables import Input, Lake, Manifest, Part, Table, open_lake

__all__ = ["Input", "Lake", "Manifest", "Part", "Store", "Table", "open_lake", "open_store"]

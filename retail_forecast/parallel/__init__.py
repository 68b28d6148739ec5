"""Work on many shards at once, on Ray: see `map_shards`."""

from retail_forecast.parallel.cluster import cores
from retail_forecast.parallel.hosts import cluster_of_hosts, help_head
from retail_forecast.parallel.shards import ShardTraceback, map_shards, shard_name

__all__ = ["ShardTraceback", "cluster_of_hosts", "cores", "help_head", "map_shards", "shard_name"]

"""A stand-in for a Kubernetes cluster: an API server that stores objects, Jobs that run as local processes, and KubeRay
with our real serving application. It answers what this platform and Dagster ask, and no more."""

from retail_forecast_tests.infra.cluster.server import Cluster, run_cluster

__all__ = ["Cluster", "run_cluster"]

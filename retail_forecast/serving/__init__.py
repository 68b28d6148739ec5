"""Answers over HTTP: a Ray Serve application that looks up one published vintage, and the endpoint that deploys it."""

from retail_forecast.serving.endpoint import RayServeEndpoint, open_endpoint
from retail_forecast.serving.port import Deployment, Endpoint, EndpointStatus

__all__ = ["Deployment", "Endpoint", "EndpointStatus", "RayServeEndpoint", "open_endpoint"]

"""Answers over HTTP: a Ray Serve application that looks up one published vintage, and the endpoint that deploys it."""

from retail_forecast.serving.endpoint import Deployment, Endpoint, EndpointStatus, RayServeEndpoint, open_endpoint

__all__ = ["Deployment", "Endpoint", "EndpointStatus", "RayServeEndpoint", "open_endpoint"]

"""The planner's page: static files of this package, served by every replica, that ask no other host for anything."""

from retail_forecast.serving.page.routes import router

__all__ = ["router"]

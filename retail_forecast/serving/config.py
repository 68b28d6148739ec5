"""The Serve configuration of the application, typed: Ray ignores keys that it does not know, this refuses them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from retail_forecast.errors import ConfigurationError

APPLICATION = "retail-forecast"
DEPLOYMENT = "forecasts"
IMPORT_PATH = "retail_forecast.serving.replica:application"
SHORTCUT = {"RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "retail_forecast.serving.shortcut:middlewares"}
"""Environment of a replica that answers lookups before Serve does (see `shortcut`)."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Challenger(_Strict):
    """A vintage that replicas hold beside the active one while it is tried.

    shadow: it is asked what the active one was asked, beside the request, for a share of the series. canary: it answers
    for that share of the series. error_limit: share of errors beyond which a replica stops asking it.
    """

    vintage: str
    mode: Literal["shadow", "canary"]
    share: float = Field(gt=0, le=1)
    error_limit: float = Field(0.01, ge=0, le=1)


class UserConfig(_Strict):
    """What every replica is told: the vintage to serve and where the lake is.

    Without a vintage, a replica that starts anew serves the one in force in the lake. fallback: what it serves when
    the wanted one cannot be loaded. required: it does not start when it can serve neither, so that nobody is sent to
    it. request: identifies one deployment, so that the same vintage can be asked for again. challenger: what is tried
    beside the vintage; that it cannot be loaded changes nothing of what is served.
    """

    vintage: str | None = None
    challenger: Challenger | None = None
    lake_url: str | None = None
    fallback: str | None = None
    required: bool = False
    request: str | None = None


class RuntimeEnv(_Strict):
    """Environment of the replicas; another value restarts them one after the other."""

    env_vars: dict[str, str] = {}


class ActorOptions(_Strict):
    """What one replica takes of its machine; `memory` in bytes."""

    num_cpus: float = 1
    memory: int | None = None


class AutoscalingConfig(_Strict):
    """More replicas while each has more requests under way than the target, fewer while they idle."""

    min_replicas: int = Field(ge=1)
    max_replicas: int = Field(ge=1)
    target_ongoing_requests: float = Field(2, gt=0)


class BackpressureConfig(_Strict):
    """What Serve itself answers where a replica did not refuse already (see `pressure`)."""

    status_code: Literal[503] = 503
    retry_after_s: float = Field(1, ge=0)


class DeploymentConfig(_Strict):
    """The replicas, of a fixed number or autoscaled. Another user_config alone reaches them as they run.

    max_ongoing_requests: more than a replica lets in (`pressure`), so that what is too much is refused with a reason;
    the Helm chart says the same.
    """

    name: Literal["forecasts"] = "forecasts"
    num_replicas: int | None = Field(2, ge=1)
    autoscaling_config: AutoscalingConfig | None = None
    user_config: UserConfig = UserConfig()
    max_ongoing_requests: int = Field(400, ge=1)
    max_queued_requests: int = Field(100, ge=-1)
    backpressure_config: BackpressureConfig = BackpressureConfig()
    graceful_shutdown_timeout_s: float = Field(10, ge=0)
    health_check_period_s: float = Field(5, gt=0)
    health_check_timeout_s: float = Field(30, gt=0)
    ray_actor_options: ActorOptions = ActorOptions()


class ApplicationConfig(_Strict):
    """The one application."""

    name: Literal["retail-forecast"] = "retail-forecast"
    route_prefix: Literal["/"] = "/"
    import_path: Literal["retail_forecast.serving.replica:application"] = "retail_forecast.serving.replica:application"
    runtime_env: RuntimeEnv = RuntimeEnv()
    deployments: list[DeploymentConfig] = Field([DeploymentConfig()], min_length=1, max_length=1)


class HttpOptions(_Strict):
    """Where the proxies listen; Serve reads this once, when it starts."""

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)


class LoggingConfig(_Strict):
    """How Serve itself logs: no line per request; /metrics counts them."""

    encoding: Literal["TEXT", "JSON"] = "TEXT"
    enable_access_log: bool = False


class ServeConfig(_Strict):
    """What `PUT /api/serve/applications/` takes, and what a RayService carries as serveConfigV2."""

    proxy_location: Literal["HeadOnly", "EveryNode"] = "HeadOnly"
    http_options: HttpOptions = HttpOptions()
    logging_config: LoggingConfig = LoggingConfig()
    applications: list[ApplicationConfig] = Field([ApplicationConfig()], min_length=1, max_length=1)


def check_serve_config(raw: dict[str, Any]) -> ServeConfig:
    """The configuration. Raises ConfigurationError naming the key, also for one that Ray would ignore."""
    try:
        return ServeConfig.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(["serve config", *(str(part) for part in first["loc"])])
        unknown = first["type"] == "extra_forbidden"
        expected = "no such key" if unknown else first["msg"].lower()
        raise ConfigurationError(key=key, found=first["input"], expected=expected) from error


def build_serve_config(
    user_config: UserConfig,
    *,
    host: str,
    port: int,
    replicas: int | tuple[int, int],
    environment: dict[str, str],
    log_format: Literal["text", "json"] = "text",
) -> ServeConfig:
    """The configuration that serves what `user_config` names, with so many replicas or between (least, most)."""
    if isinstance(replicas, int):
        deployment = DeploymentConfig(num_replicas=replicas, user_config=user_config)
    else:
        scaling = AutoscalingConfig(min_replicas=replicas[0], max_replicas=replicas[1])
        deployment = DeploymentConfig(num_replicas=None, autoscaling_config=scaling, user_config=user_config)
    application = ApplicationConfig(runtime_env=RuntimeEnv(env_vars=environment), deployments=[deployment])
    return ServeConfig(
        http_options=HttpOptions(host=host, port=port),
        logging_config=LoggingConfig(encoding="JSON" if log_format == "json" else "TEXT"),
        applications=[application],
    )

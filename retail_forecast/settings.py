"""Every setting of the platform: from the environment (`RETAIL_FORECAST_*`), with defaults that work on a laptop."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from retail_forecast.errors import ConfigurationError

ENVIRONMENT_PREFIX = "RETAIL_FORECAST_"


class Settings(BaseSettings):
    """Where things are, which ports they use, and what a change triggers."""

    model_config = SettingsConfigDict(env_prefix=ENVIRONMENT_PREFIX, frozen=True, extra="ignore", populate_by_name=True)

    home: Path = Field(Path(".retail-forecast"), description="Folder of all local state.")
    dataset_file: Path | None = Field(None, description="The dataset's description; default HOME/dataset.yaml.")
    landing_url: str | None = Field(None, description="Where source files land; default the folder HOME/landing.")
    lake_url: str | None = Field(None, description="Where the tables live; default the folder HOME/lake.")
    mlflow_uri: str | None = Field(None, description="MLflow's store; default SQLite below HOME/mlflow.")

    aws_region: str = Field(
        "ap-southeast-1",
        validation_alias=AliasChoices(f"{ENVIRONMENT_PREFIX}AWS_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"),
        description="Region of everything on AWS; AWS_REGION or AWS_DEFAULT_REGION where this one is not set.",
    )
    lake_kms_key: str | None = Field(None, description="KMS key for what is written to S3; default the bucket's own.")
    compute_logs_url: str | None = Field(
        None, description="Where the outputs of Dagster's runs go: s3://bucket/folder; default below HOME/dagster."
    )
    arrivals_queue_url: str | None = Field(
        None, description="SQS queue of the landing's events; default the listing alone."
    )
    arrivals_dead_letter_url: str | None = Field(None, description="SQS queue for events that cannot be used.")
    arrivals_visibility_seconds: int = Field(
        120, ge=1, le=43200, description="A received event that was not dealt with comes again after so long."
    )
    arrivals_reconcile_seconds: int = Field(
        900, ge=1, description="Seconds between two listings of the whole landing beside the events."
    )

    trainer: Literal["local", "sagemaker"] = Field("local", description="Where models are trained.")
    training_url: str | None = Field(
        None, description="SageMaker's inputs, checkpoints and results: s3://bucket/folder."
    )
    training_image: str | None = Field(None, description="Image of training jobs, in ECR.")
    training_role_arn: str | None = Field(None, description="IAM role that training jobs run under.")
    training_instance_type: str = Field("ml.m5.2xlarge", description="Instance type of training jobs.")
    training_instance_count: int = Field(1, ge=1, le=50, description="Instances that share one training job.")
    training_volume_gb: int = Field(50, ge=1, description="Disk of each instance.")
    training_max_seconds: int = Field(21_600, ge=60, description="A training job may run so long.")
    training_spot: bool = Field(True, description="Train on spare capacity, which may be taken away and given back.")
    training_max_wait_seconds: int = Field(
        43_200, ge=60, description="With spot: a job may take so long in all, waits for capacity included."
    )
    training_spot_discount: float = Field(
        0.0, ge=0, lt=1, description="Share that spot is expected to save, for the estimate; 0 assumes nothing."
    )
    training_kms_key: str | None = Field(None, description="KMS key for the volumes and results of training jobs.")
    training_subnets: str | None = Field(None, description="Subnets of training jobs, with commas between.")
    training_security_groups: str | None = Field(None, description="Security groups of training jobs, likewise.")
    training_tags: str | None = Field(None, description="Tags of training jobs: key=value, with commas between.")
    training_price_usd: float | None = Field(
        None, gt=0, description="Price of an instance for an hour, instead of what AWS' Price List says."
    )
    training_budget_usd: float | None = Field(
        None, gt=0, description="A training that is estimated to cost more is not started."
    )
    registry: Literal["mlflow", "sagemaker"] = Field("mlflow", description="Where models and their stages are kept.")
    registry_url: str | None = Field(
        None, description="S3 folder of the bundles in SageMaker's registry; default `registry` below the lake."
    )
    model_package_group: str | None = Field(
        None, description="Group of SageMaker's registry; default retail-forecast-DATASET."
    )
    inference_image: str | None = Field(
        None, description="Image in a model package; default retail-forecast-serving of the account's own ECR."
    )
    promotion: Literal["gate", "manual"] = Field(
        "gate", description="Who makes a challenger that passes the gate champion: the gate, or a person."
    )
    approvals_interval_seconds: int = Field(
        30, ge=1, description="Seconds between two looks at what was approved or rejected in the registry."
    )

    metrics: Literal["log", "cloudwatch"] = Field("log", description="Where measurements go.")
    metrics_namespace: str = Field("RetailForecast", description="Namespace of the metrics in CloudWatch.")
    metrics_interval_seconds: int = Field(60, ge=10, description="Seconds between two measurements.")
    notifier: Literal["log", "sns"] = Field("log", description="Who is told of failed runs and failed checks.")
    notification_topic_arn: str | None = Field(None, description="SNS topic of the notifier.")
    log_format: Literal["text", "json"] = Field("text", description="Logs for people, or one JSON object per line.")

    host: str = Field("127.0.0.1", description="Address that the UI and the API listen on.")
    ui_port: int = Field(3000, ge=1, le=65535, description="Port of the Dagster UI.")
    public_ui_url: str | None = Field(None, description="Where people open the UI; default its host and port.")
    api_port: int = Field(8000, ge=1, le=65535, description="Port of the forecast API.")
    public_api_url: str | None = Field(None, description="Where people open the API; default where this platform asks.")
    ray_dashboard_port: int = Field(8265, ge=1, le=65535, description="Port of Ray's dashboard and REST API.")
    replicas: int = Field(2, ge=1, description="Replicas of the API.")
    auth: Literal["off", "keys", "oidc", "keys,oidc"] | None = Field(
        None, description="Who may ask the API; default `off` on a loopback address, elsewhere it has to be said."
    )
    auth_keys_file: Path | None = Field(
        None, description="Hashes of the API keys, as `keys create` writes them; default HOME/serve/keys.json."
    )
    api_key: SecretStr | None = Field(None, description="Key that this platform itself asks the API with.")
    oidc_issuer: str | None = Field(None, description="Issuer (`iss`) of access tokens.")
    oidc_audience: str | None = Field(None, description="Audience (`aud`) that access tokens are made out to.")
    oidc_jwks_url: str | None = Field(None, description="Where the issuer publishes its keys, as a JWKS.")
    rate_limit: float = Field(
        0.0, ge=0, description="Requests a second that each replica answers one caller; 0 sets no limit."
    )
    rate_burst: int = Field(0, ge=0, description="So many at once before the limit bites; 0 is two seconds' worth.")
    forwarded_hops: int = Field(
        0, ge=0, description="Proxies in front that add to X-Forwarded-For; 0 does not believe that header."
    )
    cors_origins: str | None = Field(
        None, description="Origins whose pages may ask the API, with commas between; default none but its own."
    )
    traces: Literal["off", "otlp"] = Field("off", description="Where spans go; `otlp` reads the OTEL_* variables.")
    serving_aws_profile: str | None = Field(
        None, description="AWS profile of the API on this machine; default the credentials of whoever starts it."
    )
    executor: Literal["process", "kubernetes"] = Field(
        "process", description="Where the steps of a run work: in its process, or each in a Job of Kubernetes."
    )
    endpoint: Literal["local", "kuberay"] = Field("local", description="Where the API runs.")
    kubernetes_namespace: str = Field("retail-forecast", description="Namespace of the RayService.")
    rayservice: str = Field("retail-forecast", description="Name of the RayService.")
    serve_url: str | None = Field(None, description="Where the RayService answers; default its service in the cluster.")
    ray_url: str | None = Field(None, description="Ray's REST API of the RayService; default its head service.")
    serving_image: str | None = Field(
        None, description="Image that the RayService is to run; a deployment rolls it there. Default the one it has."
    )
    endpoint_timeout_seconds: int = Field(
        900, ge=1, description="What not every replica of the RayService has taken by then is taken back."
    )
    rollout: Literal["direct", "canary"] = Field(
        "direct", description="How the asset endpoint serves another vintage: at once, or in steps that are watched."
    )
    rollout_steps: str = Field("0.1,0.5,1", description="Steps of a canary: shadow, and shares of the series.")
    rollout_soak_seconds: float = Field(60, ge=0, description="Seconds that each step is watched, at least.")
    rollout_errors: float = Field(
        0.01, ge=0, le=1, description="Share of errors, or of series it lacks, beyond which a challenger is taken back."
    )
    rollout_latency_ratio: float = Field(
        3.0, gt=0, description="A challenger whose 99th percentile is so many times the active's is taken back."
    )
    rollout_disagreement: float = Field(
        1.0, ge=0, le=2, description="Relative difference to the active vintage that a tenth of the answers may exceed."
    )
    rollout_observations: int = Field(200, ge=1, description="Fewer answers say nothing of a challenger.")
    workers: int = Field(2, ge=1, description="Shards, or files that landed, worked on at the same time.")
    ray_address: str | None = Field(None, description="Ray cluster for the shards; default one for each piece of work.")

    arrivals_interval_seconds: int = Field(5, ge=1, description="Seconds between two looks at the landing.")
    settle_seconds: float = Field(
        2.0, ge=0, description="A file counts as written when it has not changed for so long."
    )

    retrain_after_periods: int = Field(
        28, ge=1, description="Train again when the last training is so many periods old."
    )
    retrain_changed_share: float = Field(
        0.05, gt=0, le=1, description="Train again when so large a share of the trained rows was corrected."
    )
    retrain_error_ratio: float = Field(
        1.2, gt=0, description="Train again when the recent error exceeds the backtest's by this factor."
    )
    gate_tolerance: float = Field(
        0.0, ge=0, description="How much worse than the champion (a share) a challenger may still be."
    )
    preset: Literal["fast", "standard", "best"] = Field("standard", description="How much a training may cost.")
    recipe_file: Path | None = Field(None, description="A recipe that `tune` found, instead of the preset's.")
    backtest_cutoffs: int = Field(2, ge=1, description="Rolling cutoffs on which a challenger is judged.")
    shard_rows: int = Field(2_000_000, ge=1, description="Training rows that one pool of stores aims at.")

    keep_vintages: int = Field(100, ge=1, description="So many of the last vintages stay, whatever their age.")
    keep_models: int = Field(20, ge=1, description="So many of the last models stay, whatever their age.")
    keep_days: int = Field(30, ge=1, description="What nothing refers to any more stays for so many days.")

    @property
    def dataset_path(self) -> Path:
        """The dataset's description in use."""
        return self.dataset_file or self.home / "dataset.yaml"

    @property
    def landing(self) -> str:
        """URL of the object store in which source files land."""
        return self.landing_url or (self.home.resolve() / "landing").as_uri()

    @property
    def lake(self) -> str:
        """URL of the object store that holds the lake."""
        return self.lake_url or (self.home.resolve() / "lake").as_uri()

    @property
    def mlflow(self) -> str:
        """Tracking and registry URI of MLflow."""
        return self.mlflow_uri or f"sqlite:///{self.home.resolve() / 'mlflow' / 'mlflow.db'}"

    @property
    def dagster_home(self) -> Path:
        """Folder of Dagster's instance."""
        return self.home.resolve() / "dagster"

    @property
    def api_url(self) -> str:
        """Base URL of the forecast API."""
        if self.endpoint == "kuberay":
            return self.serve_url or f"http://{self.rayservice}-serve-svc.{self.kubernetes_namespace}:8000"
        return f"http://{self.host}:{self.api_port}"

    @property
    def keys_path(self) -> Path:
        """The file of the hashes of API keys."""
        return self.auth_keys_file or self.home.resolve() / "serve" / "keys.json"

    @property
    def ui_url(self) -> str:
        """Base URL of the Dagster UI."""
        return f"http://{self.host}:{self.ui_port}"

    def run_url(self, run_id: str) -> str:
        """Where people see a run."""
        return f"{(self.public_ui_url or self.ui_url).rstrip('/')}/runs/{run_id}"

    def describe(self) -> list[tuple[str, Any, str]]:
        """Each setting as (name, value, origin), where origin is "default" or "environment"."""
        return [
            (name, getattr(self, name), "environment" if name in self.model_fields_set else "default")
            for name in type(self).model_fields
        ]


def load_settings(**overrides: Any) -> Settings:
    """Reads the settings from the environment; `overrides` win. Raises ConfigurationError naming the variable."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors()[0]
        key = ENVIRONMENT_PREFIX + str(first["loc"][0]).upper()
        raise ConfigurationError(key=key, found=first["input"], expected=first["msg"].lower()) from error

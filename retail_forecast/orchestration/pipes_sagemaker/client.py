"""The Pipes client: starts a training job of SageMaker or finds it again, and follows it to its end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.pipes.context import PipesSession

from retail_forecast.errors import AwsError
from retail_forecast.orchestration.pipes_sagemaker.s3 import PipesS3JobContextInjector, PipesS3JobMessageReader
from retail_forecast.training.sagemaker.jobs import Described, SageMakerJobs, console_url

Context = dg.OpExecutionContext | dg.AssetExecutionContext
OnLine = Callable[[str], None]


class SageMakerInvocation(dg.PipesClientCompletedInvocation):
    """What a job reported. `described` is the finished job, as DescribeTrainingJob shows it."""

    def __init__(self, session: PipesSession, described: Described) -> None:
        super().__init__(session, metadata=job_metadata(described))
        self.described = described


class PipesSageMakerClient(dg.PipesClient):
    """Runs training jobs of SageMaker with the Pipes protocol.

    Context and messages go through S3, below `s3://bucket/prefix/<job>/`; the job's role must read and write there,
    and the job opens Pipes with PipesS3ContextLoader and PipesS3MessageWriter.

    A job is known by its name alone: a run finds the job of one that died, and starts no second.
    forward_termination: whether a job is stopped when its run is cancelled.
    """

    def __init__(
        self, *, jobs: SageMakerJobs, s3: Any, bucket: str, prefix: str = "pipes", forward_termination: bool = True
    ) -> None:
        self._jobs, self._s3 = jobs, s3
        self._bucket, self._prefix = bucket, prefix.strip("/")
        self._forward_termination = forward_termination

    def run(  # type: ignore[override]
        self,
        *,
        context: Context,
        request: Mapping[str, Any],
        extras: Mapping[str, Any] | None = None,
        on_line: OnLine | None = None,
        is_usable: Callable[[Described], bool] = lambda _: True,
    ) -> SageMakerInvocation:
        """Runs the job of a CreateTrainingJob request to its end. Raises TrainingError with the reason of a failure.

        The job of that name is followed if it is under way, and used if it ended well and `is_usable`; after a failure
        or a stop, the next attempt is `<name>-2`, and so on.
        on_line: gets each line of the job's log, which also goes to standard output: the run's compute log.
        """
        name, found = self._jobs.find(request["TrainingJobName"], is_usable)
        place = f"{self._prefix}/{name}".lstrip("/")
        injector = PipesS3JobContextInjector(client=self._s3, bucket=self._bucket, key=f"{place}/context.json")
        messages = PipesS3JobMessageReader(client=self._s3, bucket=self._bucket, key_prefix=f"{place}/messages")
        # Pipes asks the asset's context for what it warns is deprecated there
        asked = context.op_execution_context if isinstance(context, dg.AssetExecutionContext) else context
        with dg.open_pipes_session(
            context=asked, context_injector=injector, message_reader=messages, extras=dict(extras or {})
        ) as session:
            if found is None:
                self._start({**request, "TrainingJobName": name}, session)
                context.log.info(f"Started training job {name}.")
            else:
                context.log.info(f"Found training job {name} ({found['TrainingJobStatus']}): no second one is started.")
            described = self._follow(name, context, messages, on_line)
            injector.remove()
        return SageMakerInvocation(session, described)

    def _start(self, request: Mapping[str, Any], session: PipesSession) -> None:
        variables = {**request.get("Environment", {}), **session.get_bootstrap_env_vars()}
        run = [{"Key": key, "Value": value} for key, value in session.default_remote_invocation_info.items()]
        self._jobs.start({**request, "Environment": variables, "Tags": [*request.get("Tags", []), *run]})

    def _follow(
        self, name: str, context: Context, messages: PipesS3JobMessageReader, on_line: OnLine | None
    ) -> Described:
        def tell(line: str) -> None:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
            if on_line is not None:
                on_line(line)

        try:
            return self._jobs.follow(name, tell, lambda _: _read(messages, context))
        except (DagsterExecutionInterruptedError, KeyboardInterrupt):
            if self._forward_termination:
                context.log.warning(f"[pipes] the run was interrupted: stopping training job {name}.")
                self._jobs.stop(name)
            raise


def job_metadata(described: Described) -> dict[str, Any]:
    """What to show of a finished job."""
    resources = described.get("ResourceConfig", {})
    known = {
        "job ARN": described["TrainingJobArn"],
        "job": dg.MetadataValue.url(console_url(described)),
        "instance type": resources.get("InstanceType"),
        "instances": resources.get("InstanceCount"),
        "training seconds": described.get("TrainingTimeInSeconds"),
        "billed seconds": described.get("BillableTimeInSeconds"),
    }
    return {name: value for name, value in known.items() if value is not None}


def _read(messages: PipesS3JobMessageReader, context: Context) -> None:
    """S3 may fail for a moment; what was not read then is read at the next poll. What is missing in the end is told."""
    try:
        messages.read()
    except AwsError as error:
        context.log.warning(f"[pipes] messages could not be read: {error}")

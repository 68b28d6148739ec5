"""The context and the messages of a job in S3, at places that follow from the job's name.

Those of dagster_aws lie at random places, so a run that finds a job of another run again could not read them; its
reader also counts chunks, and would wait for ever when a job that was interrupted writes from chunk 1 on again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import dagster as dg
from dagster._core.pipes.context import PipesMessageHandler
from dagster_pipes import (
    PIPES_PROTOCOL_VERSION_FIELD,
    PipesBlobStoreMessageWriter,
    PipesContextData,
    PipesParams,
)

from retail_forecast.aws import aws_errors


class PipesS3JobContextInjector(dg.PipesContextInjector):
    """Writes the context to one object per job. It stays until `remove`: a job that is restarted reads it again."""

    def __init__(self, *, client: Any, bucket: str, key: str) -> None:
        self._client, self._bucket, self._key = client, bucket, key

    @contextmanager
    def inject_context(self, context: PipesContextData) -> Iterator[PipesParams]:
        body = json.dumps(context).encode()
        with aws_errors(f"s3://{self._bucket}/{self._key}"):
            self._client.put_object(Bucket=self._bucket, Key=self._key, Body=body)
        yield {"bucket": self._bucket, "key": self._key}

    def remove(self) -> None:
        """For a job that has ended."""
        with aws_errors(f"s3://{self._bucket}/{self._key}"):
            self._client.delete_object(Bucket=self._bucket, Key=self._key)

    def no_messages_debug_text(self) -> str:
        return (
            f"The context is in s3://{self._bucket}/{self._key}. Expected PipesS3ContextLoader to be passed to "
            "open_dagster_pipes in the training job."
        )


class PipesS3JobMessageReader(dg.PipesMessageReader):
    """Reads what dagster_pipes' PipesS3MessageWriter writes, whenever `read` is called: there is no thread.

    A chunk is new if its object is, or was written again: an interrupted job begins anew with chunk 1. Once a job has
    ended one `read` finds all that is left, since S3 lists what was written before.
    """

    def __init__(self, *, client: Any, bucket: str, key_prefix: str) -> None:
        self._client, self._bucket, self._key_prefix = client, bucket, key_prefix
        self._read: set[tuple[str, str, datetime]] = set()
        self._handler: PipesMessageHandler | None = None

    @property
    def expected_writer_count(self) -> int:
        """One process of a job opens Pipes."""
        return 1

    @contextmanager
    def read_messages(self, handler: PipesMessageHandler) -> Iterator[PipesParams]:
        self._handler = handler
        stdio = PipesBlobStoreMessageWriter.INCLUDE_STDIO_IN_MESSAGES_KEY
        yield {"bucket": self._bucket, "key_prefix": self._key_prefix, stdio: False}

    def read(self) -> None:
        """Handles the messages that came since the last call, in the order in which they were written."""
        with aws_errors(f"s3://{self._bucket}/{self._key_prefix}"):
            for key in self._new_chunks():
                body: bytes = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
                self._handle(body.decode())

    def no_messages_debug_text(self) -> str:
        return (
            f"Messages were looked for in s3://{self._bucket}/{self._key_prefix}. Expected PipesS3MessageWriter to be "
            "passed to open_dagster_pipes in the training job."
        )

    def _new_chunks(self) -> list[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{self._key_prefix}/"
        )
        chunks = [(one["Key"], one["ETag"], one["LastModified"]) for page in pages for one in page.get("Contents", [])]
        new = sorted(set(chunks) - self._read, key=lambda chunk: (chunk[2], _number(chunk[0])))
        self._read.update(new)
        return [key for key, _, _ in new]

    def _handle(self, chunk: str) -> None:
        if self._handler is None:
            raise dg.DagsterInvariantViolationError("Messages can be read only while a Pipes session is open.")
        for line in chunk.splitlines():
            message = json.loads(line)
            if PIPES_PROTOCOL_VERSION_FIELD in message:
                self._handler.handle_message(message)


def _number(key: str) -> int:
    """The number of a chunk, which is the name of its object.

    >>> _number("pipes/train-1/messages/12.json")
    12
    """
    return int(key.rsplit("/", 1)[-1].removesuffix(".json"))

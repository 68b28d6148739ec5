"""The API server's routes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import httpx
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from retail_forecast_tests.infra.cluster.objects import Object, Refusal
from retail_forecast_tests.infra.cluster.roles import require, verb_of

if TYPE_CHECKING:
    from retail_forecast_tests.infra.cluster.server import Cluster

_KINDS = {
    "jobs": ("batch/v1", "Job"),
    "pods": ("v1", "Pod"),
    "events": ("v1", "Event"),
    "rayservices": ("ray.io/v1", "RayService"),
}
_PATHS = {"jobs": "/apis/batch/v1", "pods": "/api/v1", "events": "/api/v1", "rayservices": "/apis/ray.io/v1"}


def build_api(cluster: Cluster) -> Starlette:
    """The application of the API server."""
    routes = [Route("/version", _version), Route("/services/head/{path:path}", _head(cluster), methods=["GET", "PUT"])]
    for plural, path in _PATHS.items():
        base = f"{path}/namespaces/{{namespace}}/{plural}"
        calls = _Calls(cluster, plural)
        routes += [
            Route(base, calls.guarded(calls.many), methods=["GET", "POST"]),
            Route(f"{base}/{{name}}", calls.guarded(calls.one), methods=["GET", "PATCH", "DELETE"]),
            Route(f"{base}/{{name}}/status", calls.guarded(calls.one), methods=["GET"]),
        ]
    logs = _Calls(cluster, "pods/log")
    routes.append(Route("/api/v1/namespaces/{namespace}/pods/{name}/log", logs.guarded(logs.log), methods=["GET"]))
    return Starlette(routes=routes, exception_handlers={Refusal: _refuse})


class _Calls:
    """What can be done with one kind of object."""

    def __init__(self, cluster: Cluster, plural: str) -> None:
        self.cluster, self.objects, self.plural = cluster, cluster.objects, plural

    def guarded(self, call: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """The call, recorded, and refused to an account whose Role does not allow it."""

        async def allowed(request: Request) -> Response:
            name = request.path_params.get("name")
            verb = verb_of(request.method, named=name is not None)
            account = request.headers.get("authorization", "").removeprefix("Bearer ")
            self.cluster.calls.append((account, verb, self.plural))
            if account in self.cluster.roles:
                require(self.cluster.roles[account], account, verb, self.plural, name or "")
            return await call(request)

        return allowed

    async def many(self, request: Request) -> Response:
        """List, create."""
        namespace = request.path_params["namespace"]
        if request.method == "POST":
            created = self.objects.create(self.plural, namespace, await request.json())
            if self.plural == "jobs":
                self.cluster.jobs.start(namespace, created)
            return self._answer(created, status=201)
        labels, fields = (_selector(request, f"{which}Selector") for which in ("label", "field"))
        items = self.objects.select(self.plural, namespace, labels, fields)
        version, kind = _KINDS[self.plural]
        return JSONResponse({"apiVersion": version, "kind": f"{kind}List", "metadata": {}, "items": items})

    async def one(self, request: Request) -> Response:
        """Get, patch, delete."""
        where = (self.plural, request.path_params["namespace"], request.path_params["name"])
        if request.method == "PATCH":
            dry_run = request.query_params.get("dryRun") == "All"
            return self._answer(self.objects.patch(*where, await request.json(), dry_run=dry_run))
        found = self.objects.get(*where)
        if request.method == "DELETE":
            if self.plural == "pods":
                self.cluster.jobs.delete_pod(where[1], where[2])
            else:
                self.objects.delete(*where)
        return self._answer(found)

    async def log(self, request: Request) -> Response:
        """What a pod printed."""
        self.objects.get("pods", request.path_params["namespace"], request.path_params["name"])
        return PlainTextResponse(self.cluster.jobs.log(request.path_params["name"]))

    def _answer(self, one: Object, status: int = 200) -> Response:
        version, kind = _KINDS[self.plural]
        return JSONResponse({"apiVersion": version, "kind": kind, **one}, status_code=status)


def _head(cluster: Cluster) -> Callable[[Request], Awaitable[Response]]:
    """The head Service: Ray's REST API of the cluster that is active."""

    async def head(request: Request) -> Response:
        active = cluster.active
        if active is None:
            return PlainTextResponse("no endpoints", status_code=503)
        body: Any = await request.json() if request.method == "PUT" else None
        try:
            answer = await run_in_threadpool(active.ask, request.method, request.path_params["path"], body)
        except httpx.HTTPError as error:
            return PlainTextResponse(repr(error), status_code=502)
        return Response(answer.content, answer.status_code, media_type=answer.headers.get("content-type"))

    return head


def _selector(request: Request, name: str) -> dict[str, str]:
    pairs = [one for one in request.query_params.get(name, "").split(",") if one]
    return {key.strip("! "): value for key, _, value in (pair.replace("==", "=").partition("=") for pair in pairs)}


async def _version(_: Request) -> Response:
    return JSONResponse({"major": "1", "minor": "33", "gitVersion": "v1.33.0", "platform": "linux/amd64"})


async def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    answer = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": error.status}
    return JSONResponse({**answer, "reason": error.reason, "message": error.message}, status_code=error.status)

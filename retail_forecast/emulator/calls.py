"""A call of AWS as the emulator sees it: which action of which service, by whom, on what."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moto.core.request import Request
from moto.core.routing import get_service_router
from moto.sts.models import sts_backends
from werkzeug.exceptions import HTTPException

_ENDPOINT_TO_SERVICE = {"monitoring": "cloudwatch", "email": "ses"}
_S3_PERMISSIONS = {
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "HeadBucket": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListParts": "ListMultipartUploadParts",
    "ListBuckets": "ListAllMyBuckets",
    "HeadObject": "GetObject",
    "CopyObject": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "DeleteObjects": "DeleteObject",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "GetBucketEncryption": "GetEncryptionConfiguration",
}
_NAMES = (
    *("QueueUrl", "QueueName", "TopicArn", "TrainingJobName", "HyperParameterTuningJobName", "ModelPackageArn"),
    *("ModelPackageName", "ModelPackageGroupName", "logGroupName", "Namespace", "RoleArn", "Name", "KeyId"),
)


@dataclass(frozen=True)
class Call:
    """One call. `body` is there for services that speak JSON or forms; the content of an object is never read."""

    service: str
    action: str
    region: str
    access_key_id: str
    principal: str
    resource: str | None
    body: bytes
    parameters: Mapping[str, Any]

    @property
    def permission(self) -> str:
        """The IAM action that allows it. A version's own actions (s3:GetObjectVersion) count as such."""
        action = self.action
        if self.service == "s3":
            action = _S3_PERMISSIONS.get(action, action)
            if self.parameters.get("versionId") and action in ("GetObject", "DeleteObject"):
                action += "Version"
        return f"{self.service}:{action}"


def read_call(request: Request, role_of_key: Mapping[str, str]) -> Call | None:
    """Reads what a request asks for; None for one that is not signed (health checks, presigned by no key)."""
    scope = _credential_scope(request)
    if scope is None:
        return None
    key, region, service = scope[0], scope[2], _ENDPOINT_TO_SERVICE.get(scope[3], scope[3])
    target = request.headers.get("X-Amz-Target")
    is_form = service != "s3" and (request.content_type or "").startswith("application/x-www-form-urlencoded")
    body = request.get_data() if target or is_form else b""
    if target:
        action, parameters = target.rsplit(".", 1)[-1], json.loads(_plain(request, body) or b"{}")
    elif is_form:
        parameters = request.form.to_dict()
        action = str(parameters.get("Action", "unknown"))
    else:
        action, parameters = _route(service, request), request.args.to_dict()
    resource = request.path.strip("/") if service == "s3" else _first(parameters)
    return Call(service, action, region, key, _principal(key, role_of_key), resource or None, body, parameters)


def _plain(request: Request, body: bytes) -> bytes:
    """What a client said; boto3 compresses long lists of metrics."""
    return gzip.decompress(body) if request.headers.get("Content-Encoding") == "gzip" else body


def _credential_scope(request: Request) -> list[str] | None:
    """Key, date, region and service from the signature, in the header or (presigned) in the query."""
    header = request.headers.get("Authorization", "")
    text = header.partition("Credential=")[2].split(",")[0] or request.args.get("X-Amz-Credential", "")
    scope = text.split("/")
    return scope if len(scope) == 5 else None


def _route(service: str, request: Request) -> str:
    try:
        return str(get_service_router(service).match(request)[0].name)
    except (HTTPException, NotImplementedError):
        return f"{request.method} {request.path}"


def _first(parameters: Mapping[str, Any]) -> str | None:
    return next((str(parameters[name]) for name in _NAMES if parameters.get(name)), None)


def _principal(key: str, role_of_key: Mapping[str, str]) -> str:
    """The role behind a key, or the key's own name, which tells callers apart that have no role."""
    if key in role_of_key:
        return role_of_key[key]
    for account in list(sts_backends.values()):
        for backend in list(account.values()):
            if role := backend.get_assumed_role_from_access_key(key):
                return str(role.role_arn)
    return key

"""Clients that SageMaker uses in the name of a job's role, as on AWS: channels, artifacts and logs are the role's."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field
from typing import Any


@dataclass
class RoleSessions:
    """Hands out access keys for roles, and remembers whose they are."""

    endpoint_url: str
    role_of_key: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _session: Any = None

    def open(self, role_arn: str, region: str) -> RoleSession:
        """A session of the role. The key belongs to no account, which moto takes as the default one."""
        key = f"ASIA{secrets.token_hex(8).upper()}"
        self.role_of_key[key] = role_arn
        return RoleSession(self, key, region)

    def client(self, service: str, key: str, region: str) -> Any:
        """A client with that key. Making one is not safe among threads, so they are made one by one."""
        import boto3
        from botocore.config import Config

        with self._lock:
            self._session = self._session or boto3.session.Session()
            return self._session.client(
                service,
                endpoint_url=self.endpoint_url,
                region_name=region,
                aws_access_key_id=key,
                aws_secret_access_key=key,
                config=Config(retries={"mode": "standard", "total_max_attempts": 3}, proxies={}),
            )


@dataclass(frozen=True)
class RoleSession:
    """One assumed role in one region."""

    sessions: RoleSessions
    key: str
    region: str

    def client(self, service: str) -> Any:
        """A client that acts as the role."""
        return self.sessions.client(service, self.key, self.region)

    def environment(self) -> dict[str, str]:
        """What a container needs to act as the role."""
        return {
            "AWS_ENDPOINT_URL": self.sessions.endpoint_url,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.key,
            "AWS_ALLOW_HTTP": "true",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

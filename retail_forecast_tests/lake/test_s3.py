"""A store on S3: encryption, retries, and refusals that name the object and the fix."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from retail_forecast.cli.console import ExitCode, explain
from retail_forecast.emulator import Cloud
from retail_forecast.errors import AwsError, NotFoundError, PublishConflictError
from retail_forecast.lake import Store, open_store
from retail_forecast.lake.s3 import obstore_options

KEY = "arn:aws:kms:ap-southeast-1:123456789012:key/1b1f1d1e-0000-4000-8000-000000000001"
IMPATIENT = {"max_retries": 1, "retry_timeout": timedelta(seconds=5)}


@pytest.fixture
def store(aws_cloud: Cloud) -> Store:
    return open_store(f"s3://{aws_cloud.new_bucket(versioned=True)}/some/folder")


def bucket_of(store: Store) -> str:
    return store.url.split("/")[2]


def test_what_is_written_is_encrypted_with_the_key_of_the_settings(
    aws_cloud: Cloud, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETAIL_FORECAST_LAKE_KMS_KEY", KEY)
    open_store(store.url).write("a", b"1")
    open_store(store.url, kms_key=f"{KEY[:-1]}2").write_new("b", b"1")
    s3 = aws_cloud.client("s3")
    heads = [s3.head_object(Bucket=bucket_of(store), Key=f"some/folder/{name}") for name in "ab"]
    assert [head["ServerSideEncryption"] for head in heads] == ["aws:kms", "aws:kms"]
    assert [head["SSEKMSKeyId"][-1] for head in heads] == ["1", "2"]


def test_a_throttled_call_is_tried_again(aws_cloud: Cloud, store: Store) -> None:
    store.write("a", b"1")
    aws_cloud.plan_fault("s3", "GetObject", "SlowDown", times=3, resource=f"{bucket_of(store)}/*")
    assert store.read("a") == b"1"


def test_a_store_that_stays_throttled_names_the_object_and_the_fix(aws_cloud: Cloud, store: Store) -> None:
    aws_cloud.plan_fault("s3", "PutObject", "SlowDown", times=2, resource=f"{bucket_of(store)}/*")
    with pytest.raises(AwsError, match=r"folder/a: .*reduce your request rate.*try again later") as refused:
        open_store(store.url, retry_config=IMPATIENT).write("a", b"1")
    assert refused.value.code == "SlowDown"


@pytest.mark.parametrize(("code", "fix"), [("AccessDenied", "docs/permissions.md"), ("ExpiredToken", "aws sso login")])
def test_a_refusal_is_not_tried_again_and_says_what_to_do(aws_cloud: Cloud, store: Store, code: str, fix: str) -> None:
    aws_cloud.plan_fault("s3", "GetObject", code, resource=f"{bucket_of(store)}/*")
    with pytest.raises(AwsError, match=rf"s3://.*folder/a: .*{code}.*{fix}"):
        store.read("a")


@pytest.mark.parametrize(
    "call", [lambda store: list(store.list()), lambda store: store.read("a"), lambda store: store.write("a", b"")]
)
def test_a_bucket_that_is_not_there_is_named(aws_cloud: Cloud, call: Callable[[Store], object]) -> None:
    store = open_store("s3://no-such-bucket-anywhere/x")
    with pytest.raises(AwsError, match=r"s3://no-such-bucket-anywhere/x.*NoSuchBucket.*Create the bucket"):
        call(store)


def test_an_object_that_is_not_there_is_no_failure_of_the_store(store: Store) -> None:
    assert store.head("a") is None
    with pytest.raises(NotFoundError, match="some/folder/a"):
        store.read("a")
    store.delete("a")


def test_an_object_is_created_once(store: Store) -> None:
    store.write_new("a", b"1")
    store.write_new("a", b"1")  # the answer to the first try was lost
    with pytest.raises(PublishConflictError, match="some/folder/a exists already"):
        store.write_new("a", b"2")


def test_the_folders_that_consoles_make_are_no_objects(aws_cloud: Cloud, store: Store) -> None:
    aws_cloud.client("s3").put_object(Bucket=bucket_of(store), Key="some/folder/sales/", Body=b"")
    store.write("sales/empty.csv", b"")
    assert [info.path for info in store.list()] == ["sales/empty.csv"]


@pytest.mark.parametrize("path", ["sales//a.csv", "/sales/a.csv", "sales/x///a.csv"])
def test_a_key_with_an_empty_part_is_listed_and_read_like_any_other(aws_cloud: Cloud, store: Store, path: str) -> None:
    store.write("sales/b.csv", b"b")
    for key, data in ((path, b"a"), ("marker//", b"")):
        aws_cloud.client("s3").put_object(Bucket=bucket_of(store), Key=f"some/folder/{key}", Body=data)
    listed = list(store.list())
    assert [info.path for info in listed] == sorted([path, "sales/b.csv"])
    data, info = store.read_with_info(path)
    assert (data, info) == (b"a", store.head(path))
    assert info.version is not None
    assert (info.e_tag, info.last_modified, info.size) in [(one.e_tag, one.last_modified, 1) for one in listed]
    with pytest.raises(NotFoundError, match="sales//none"):
        store.read("sales//none")


def test_a_listing_says_the_same_of_an_object_beside_a_key_with_an_empty_part(aws_cloud: Cloud, store: Store) -> None:
    store.write("sales/b.csv", b"b")
    before = list(store.list())
    aws_cloud.client("s3").put_object(Bucket=bucket_of(store), Key="some/folder/sales//a.csv", Body=b"a")
    assert list(store.list())[1:] == before
    assert [info.path for info in store.list("sales")] == ["sales//a.csv", "sales/b.csv"]


def test_polars_reads_what_was_written_under_any_name(store: Store, tmp_path: Path) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "x.parquet")
    for name in ("1", "day=2", "c d", "e[x]*"):
        store.write(f"{name}/x.parquet", (tmp_path / "x.parquet").read_bytes())
    assert store.scan_parquet(["1/x.parquet", "day=2/x.parquet"]).collect()["a"].to_list() == [1, 1]
    assert store.read_parquet(["c d/x.parquet"])["a"].to_list() == [1]
    assert store.read_parquet(["e[x]*/x.parquet"])["a"].to_list() == [1]


@pytest.mark.parametrize(("code", "fix"), [("AccessDenied", "docs/permissions.md"), ("ExpiredToken", "aws sso login")])
def test_what_polars_is_refused_is_told_by_the_command_line(
    aws_cloud: Cloud, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str], code: str, fix: str
) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "x.parquet")
    store.write("x.parquet", (tmp_path / "x.parquet").read_bytes())
    aws_cloud.plan_fault("s3", "GetObject", code, times=9, resource=f"{bucket_of(store)}/*")  # Polars asks twice
    with pytest.raises(OSError, match=code) as refused:
        store.scan_parquet(["x.parquet"]).collect()
    assert explain(refused.value) is ExitCode.FAILED
    said = capsys.readouterr().err
    assert all(word in said for word in ("AwsError", "some/folder/x.parquet", code, fix))


def test_a_read_of_polars_is_tried_again(aws_cloud: Cloud, store: Store, tmp_path: Path) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "x.parquet")
    store.write("x.parquet", (tmp_path / "x.parquet").read_bytes())
    aws_cloud.plan_fault("s3", "GetObject", "SlowDown", times=3, resource=f"{bucket_of(store)}/*")
    assert store.scan_parquet(["x.parquet"]).collect()["a"].to_list() == [1]


@pytest.fixture
def no_keys(aws_cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of credentials, in an environment that has none itself."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return tmp_path / "credentials"


def test_a_profile_is_enough(aws_cloud: Cloud, no_keys: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    no_keys.write_text("[shop]\naws_access_key_id = test\naws_secret_access_key = test\n")
    monkeypatch.setenv("AWS_PROFILE", "shop")
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "x.parquet")
    store = open_store(f"s3://{aws_cloud.new_bucket()}")
    store.write("x.parquet", (tmp_path / "x.parquet").read_bytes())
    assert store.read_parquet(["x.parquet"])["a"].to_list() == [1]


def test_missing_credentials_are_named_when_the_store_is_opened(no_keys: Path) -> None:
    with pytest.raises(AwsError, match=r"The credentials for S3: There are none.*Sign in"):
        open_store("s3://some-bucket")


def use_profile(monkeypatch: pytest.MonkeyPatch, folder: Path, *, expires: datetime, command: str = "cat") -> None:
    """A profile whose credentials come from a command, as those of single sign-on and roles come from elsewhere."""
    keys = {"Version": 1, "AccessKeyId": "test", "SecretAccessKey": "test", "SessionToken": "test"}
    (folder / "keys.json").write_text(json.dumps(keys | {"Expiration": expires.isoformat()}))
    (folder / "config").write_text(f"[profile shop]\ncredential_process = {command} {folder / 'keys.json'}\n")
    monkeypatch.setenv("AWS_PROFILE", "shop")


def test_credentials_are_asked_for_again_before_they_expire(
    no_keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expires = datetime.now(UTC) + timedelta(minutes=17)  # boto3 does not renew before the last fifteen
    use_profile(monkeypatch, tmp_path, expires=expires)
    provider = obstore_options(region=None, kms_key=None)["credential_provider"]
    assert provider()["expires_at"] <= expires


def test_expired_credentials_are_named_when_the_store_is_opened(
    no_keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_profile(monkeypatch, tmp_path, expires=datetime.now(UTC) - timedelta(minutes=1))
    with pytest.raises(AwsError, match=r"still expired.*ExpiredToken.*aws sso login"):
        open_store("s3://some-bucket")


def test_credentials_that_cannot_be_renewed_are_named_with_the_object(
    aws_cloud: Cloud, no_keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_profile(monkeypatch, tmp_path, expires=datetime.now(UTC) + timedelta(minutes=5))
    store = open_store(f"s3://{aws_cloud.new_bucket()}")
    use_profile(monkeypatch, tmp_path, expires=datetime.now(UTC) - timedelta(minutes=5))
    with pytest.raises(AwsError, match=r"s3://.*/a: .*ExpiredToken.*aws sso login"):
        store.read("a")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("[profile other]\n", r"profile \(shop\).*Correct AWS_PROFILE"),
        ("[profile shop]\ncredential_process = false\n", r"CredentialRetrievalError.*Sign in"),
    ],
)
def test_a_profile_that_cannot_be_used_is_named(
    no_keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str, words: str
) -> None:
    (tmp_path / "config").write_text(config)
    monkeypatch.setenv("AWS_PROFILE", "shop")
    with pytest.raises(AwsError, match=words):
        open_store("s3://some-bucket")

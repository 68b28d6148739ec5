from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from retail_forecast.emulator import Cloud
from retail_forecast.errors import AwsError, ConfigurationError, TrainingError
from retail_forecast.training.sagemaker.transfer import fetch_archive, split_url, upload_folder


def folder_of(path: Path, **files: str) -> Path:
    for name, text in files.items():
        file = path / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return path


def keys_of(cloud: Cloud, bucket: str) -> dict[str, str]:
    found = cloud.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
    return {one["Key"]: f"{one['LastModified']} {one['ETag']}" for one in found}


def put_archive(cloud: Cloud, bucket: str, *members: tarfile.TarInfo) -> str:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(b"x" * member.size))
    cloud.client("s3").put_object(Bucket=bucket, Key="model.tar.gz", Body=buffer.getvalue())
    return f"s3://{bucket}/model.tar.gz"


def test_an_equal_folder_is_uploaded_once(aws_cloud: Cloud, tmp_path: Path) -> None:
    bucket, s3 = aws_cloud.new_bucket(), aws_cloud.client("s3")
    one = folder_of(tmp_path / "one", a="1", sub__b="2", _done="at noon")
    (tmp_path / "one" / "_done.json").write_text('{"published_at": "noon"}')
    two = folder_of(tmp_path / "two", a="1", sub__b="2", _done="at noon")
    (tmp_path / "two" / "_done.json").write_text('{"published_at": "later"}')
    url = upload_folder(s3, f"s3://{bucket}/training", one)
    before = keys_of(aws_cloud, bucket)
    assert upload_folder(s3, f"s3://{bucket}/training/", two) == url
    assert keys_of(aws_cloud, bucket) == before
    assert sorted(key.rsplit("inputs/")[1][33:] for key in before) == ["_done", "a", "json", "sub/b"]


def test_an_upload_that_was_cut_off_is_made_again(aws_cloud: Cloud, tmp_path: Path) -> None:
    bucket, s3 = aws_cloud.new_bucket(), aws_cloud.client("s3")
    folder = folder_of(tmp_path / "one", a="1", b="2")
    url = upload_folder(s3, f"s3://{bucket}", folder)
    digest = url.split("/")[-2]
    for key in (f"inputs/{digest}.json", f"inputs/{digest}/b"):
        s3.delete_object(Bucket=bucket, Key=key)
    upload_folder(s3, f"s3://{bucket}", folder)
    assert f"inputs/{digest}/b" in keys_of(aws_cloud, bucket)


def test_another_content_or_name_goes_elsewhere(aws_cloud: Cloud, tmp_path: Path) -> None:
    bucket, s3 = aws_cloud.new_bucket(), aws_cloud.client("s3")
    folders = [folder_of(tmp_path / str(n), **files) for n, files in enumerate(({"a": "1"}, {"a": "2"}, {"b": "1"}))]
    assert len({upload_folder(s3, f"s3://{bucket}", folder) for folder in folders}) == 3


def test_a_key_of_kms_encrypts_what_is_uploaded(aws_cloud: Cloud, tmp_path: Path) -> None:
    bucket, s3 = aws_cloud.new_bucket(), aws_cloud.client("s3")
    url = upload_folder(s3, f"s3://{bucket}", folder_of(tmp_path / "one", a="1"), kms_key="key-1")
    head = s3.head_object(Bucket=bucket, Key=split_url(url)[1] + "/a")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", "key-1")


def test_a_bucket_that_is_not_there_is_named(aws_cloud: Cloud, tmp_path: Path) -> None:
    with pytest.raises(AwsError, match=r"s3://no-such-bucket/inputs/.*\(NoSuchBucket\)"):
        upload_folder(aws_cloud.client("s3"), "s3://no-such-bucket", folder_of(tmp_path / "one", a="1"))


def test_an_archive_that_would_write_outside_is_refused(aws_cloud: Cloud, tmp_path: Path) -> None:
    member = tarfile.TarInfo("../outside")
    member.size = 3
    url = put_archive(aws_cloud, aws_cloud.new_bucket(), member)
    with pytest.raises(TrainingError, match="cannot be unpacked"):
        fetch_archive(aws_cloud.client("s3"), url, tmp_path / "model")
    assert not (tmp_path / "outside").exists()


def test_a_link_that_leads_outside_is_refused(aws_cloud: Cloud, tmp_path: Path) -> None:
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, "../../etc/passwd"
    url = put_archive(aws_cloud, aws_cloud.new_bucket(), link)
    with pytest.raises(TrainingError, match="LinkOutsideDestination"):
        fetch_archive(aws_cloud.client("s3"), url, tmp_path / "model")


def test_a_url_that_is_not_in_s3_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"RETAIL_FORECAST_TRAINING_URL: found 'file:///tmp'"):
        split_url("file:///tmp")

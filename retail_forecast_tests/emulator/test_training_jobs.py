"""A training job really runs: what the container finds, what becomes of what it leaves, and how it ends."""

from __future__ import annotations

import pytest

from retail_forecast_tests.emulator.jobs import ROLE, Desk, channel

STEPS = ["Starting", "Downloading", "Training", "Uploading", "Completed"]


def test_a_job_reads_its_channels_and_leaves_a_model(desk: Desk) -> None:
    desk.put("in/sales/a.csv", "1")
    desk.put("in/sales/deep/b.csv", "2")
    name = desk.start(
        """
        files = sorted((ML / "input/data/sales").rglob("*.csv"))
        (ML / "model/sum").write_text(str(sum(int(file.read_text()) for file in files)))
        (ML / "output/data/files").write_text(" ".join(str(file) for file in files))
        """,
        InputDataConfig=[channel("sales", f"s3://{desk.bucket}/in/sales")],
    )
    job = desk.finish(name)
    assert [step["Status"] for step in job["SecondaryStatusTransitions"]] == STEPS
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{desk.bucket}/out/{name}/output/model.tar.gz"
    assert desk.archive(job["ModelArtifacts"]["S3ModelArtifacts"]) == {"sum": "3"}
    files = desk.archive(f"s3://{desk.bucket}/out/{name}/output/output.tar.gz")["files"]
    assert files == "/opt/ml/input/data/sales/a.csv /opt/ml/input/data/sales/deep/b.csv"


def test_the_container_knows_its_job(desk: Desk) -> None:
    desk.put("in/x", "1")
    name = desk.start(
        """
        facts = [config("hyperparameters"), config("inputdataconfig")["x"]["S3DistributionType"]]
        facts += [config("resourceconfig")["hosts"], socket.gethostname(), os.environ["COLOUR"]]
        (ML / "model/facts").write_text(json.dumps([*facts, os.environ["TRAINING_JOB_NAME"], sys.argv[1:]]))
        """,
        HyperParameters={"rate": "0.1"},
        Environment={"COLOUR": "green"},
        InputDataConfig=[channel("x", f"s3://{desk.bucket}/in/x")],
    )
    facts = desk.archive(desk.finish(name)["ModelArtifacts"]["S3ModelArtifacts"])["facts"]
    assert facts == f'[{{"rate": "0.1"}}, "FullyReplicated", ["algo-1"], "algo-1", "green", "{name}", ["train"]]'


def test_the_container_acts_as_the_role_of_its_job(desk: Desk) -> None:
    name = desk.start(
        """
        import boto3
        boto3.client("s3").put_object(Bucket=os.environ["BUCKET"], Key="from-inside", Body=b"x")
        """,
        Environment={"BUCKET": desk.bucket},
    )
    assert desk.finish(name)["TrainingJobStatus"] == "Completed"
    (call,) = [call for call in desk.cloud.calls() if call["resource"] == f"{desk.bucket}/from-inside"]
    assert (call["principal"], call["permission"]) == (ROLE, "s3:PutObject")


def test_the_log_is_there_before_the_end(desk: Desk) -> None:
    name = desk.start("print('under way'); print(); time.sleep(600)")
    desk.await_line(name, "under way")
    assert desk.sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "InProgress"
    (stream,) = desk.logs.describe_log_streams(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{name}/algo-1-"
    )["logStreams"]
    assert stream["logStreamName"].rpartition("-")[2].isdigit()
    desk.sagemaker.stop_training_job(TrainingJobName=name)
    desk.finish(name)


def test_figures_are_read_off_the_log(desk: Desk) -> None:
    metrics = [{"Name": "loss", "Regex": "loss=([0-9.]+)"}, {"Name": "gain", "Regex": "gain=([0-9.]+)"}]
    name = desk.start("print('loss=2.5'); print('loss=1.5')", AlgorithmSpecification={"MetricDefinitions": metrics})
    (loss,) = desk.finish(name)["FinalMetricDataList"]  # the last one counts; gain was never printed
    assert (loss["MetricName"], loss["Value"]) == ("loss", 1.5)


def test_a_failure_says_what_the_container_wrote_and_its_exit_code(desk: Desk) -> None:
    name = desk.start("(ML / 'output/failure').write_text('no rows in sales'); sys.exit(3)")
    job = desk.finish(name)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: no rows in sales, exit code: 3"


def test_an_unknown_image_is_named(desk: Desk) -> None:
    request = desk.request("")
    request["AlgorithmSpecification"]["TrainingImage"] = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/nobodys:1"
    desk.sagemaker.create_training_job(**request)
    reason = desk.finish(request["TrainingJobName"])["FailureReason"]
    assert reason.startswith("ClientError: Cannot find repository: nobodys")


def test_a_channel_without_objects_fails_the_job(desk: Desk) -> None:
    name = desk.start("", InputDataConfig=[channel("sales", f"s3://{desk.bucket}/nothing")])
    assert "No S3 objects found under S3 URL" in desk.finish(name)["FailureReason"]


def test_a_name_is_used_once(desk: Desk) -> None:
    request = desk.request("")
    desk.sagemaker.create_training_job(**request)
    with pytest.raises(desk.sagemaker.exceptions.ResourceInUse, match="must be unique"):
        desk.sagemaker.create_training_job(**request)


def test_what_the_service_would_refuse_is_refused(desk: Desk) -> None:
    refused = desk.sagemaker.exceptions.ClientError
    with pytest.raises(refused, match=r"'TrainingJobName' failed to satisfy constraint.*regular expression"):
        desk.start("", TrainingJobName="no_underscores")
    with pytest.raises(refused, match=r"'HyperParameters.recipe' failed .* length less than or equal to 2500"):
        desk.start("", HyperParameters={"recipe": "x" * 2501})
    with pytest.raises(refused, match="MaxWaitTimeInSeconds must be present"):
        desk.start("", EnableManagedSpotTraining=True)


def test_jobs_are_listed_in_pages(desk: Desk) -> None:
    names = [desk.start("", TrainingJobName=f"{desk.bucket[-12:]}-{number}") for number in range(3)]
    pages = desk.sagemaker.get_paginator("list_training_jobs").paginate(
        NameContains=desk.bucket[-12:], SortOrder="Descending", PaginationConfig={"PageSize": 2}
    )
    found = [[row["TrainingJobName"] for row in page["TrainingJobSummaries"]] for page in pages]
    assert found == [[names[2], names[1]], [names[0]]]


def test_tags_stay_with_the_job(desk: Desk) -> None:
    arn = desk.sagemaker.create_training_job(**desk.request("", Tags=[{"Key": "run", "Value": "7"}]))["TrainingJobArn"]
    desk.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "ml"}])
    tags = desk.sagemaker.list_tags(ResourceArn=arn)["Tags"]
    assert tags == [{"Key": "run", "Value": "7"}, {"Key": "team", "Value": "ml"}]


def test_a_planned_failure_comes_once(desk: Desk) -> None:
    desk.cloud.fail_next_job("CapacityError: Unable to provision requested ML compute capacity.")
    assert desk.finish(desk.start(""))["FailureReason"].startswith("CapacityError")
    assert desk.finish(desk.start(""))["TrainingJobStatus"] == "Completed"


def test_the_training_image_of_this_package_is_known(desk: Desk) -> None:
    request = desk.request("", HyperParameters={"task": "dance"})
    image = f"123456789012.dkr.ecr.{desk.cloud.region}.amazonaws.com/retail-forecast-training:0.1.0"
    request["AlgorithmSpecification"]["TrainingImage"] = image
    desk.sagemaker.create_training_job(**request)
    reason = desk.finish(request["TrainingJobName"])["FailureReason"]
    assert reason.startswith("AlgorithmError: hyperparameter task: found 'dance'")

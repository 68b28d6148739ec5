"""Jobs over several hosts: who they are, what each reads, and that they stand and fall together."""

from __future__ import annotations

from typing import Any

from retail_forecast_tests.emulator.jobs import Desk, channel

TALKING = """
me, hosts = config("resourceconfig")["current_host"], config("resourceconfig")["hosts"]
if me == "algo-1":
    with socket.create_server(("", 7000)) as server:
        sums = []
        for _ in hosts[1:]:
            peer, address = server.accept()
            with peer:
                sums.append(int(peer.recv(100)))
                assert address[0] in [socket.gethostbyname(host) for host in hosts[1:]]
    (ML / "model/sum").write_text(str(sum(sums)))
else:
    numbers = [int(file.read_text()) for file in (ML / "input/data/numbers").iterdir()]
    for _ in range(100):
        try:
            peer = socket.create_connection(("algo-1", 7000), timeout=60)
            break
        except ConnectionRefusedError:
            time.sleep(0.1)
    with peer, socket.create_server(("", 7000)):  # the same port as algo-1, as on machines of their own
        peer.sendall(str(sum(numbers)).encode())
"""


def hosts(count: int) -> dict[str, Any]:
    return {"InstanceType": "ml.m5.large", "InstanceCount": count, "VolumeSizeInGB": 1}


def test_hosts_talk_to_each_other_and_share_the_objects(desk: Desk) -> None:
    for key, number in {"a": 1, "b": 10, "c": 100, "d": 1000}.items():
        desk.put(f"in/{key}", str(number))
    job = desk.finish(
        desk.start(
            TALKING,
            ResourceConfig=hosts(2),
            InputDataConfig=[channel("numbers", f"s3://{desk.bucket}/in/", "ShardedByS3Key")],
        )
    )
    assert job.get("FailureReason") is None
    # algo-2 has every second object: b and d
    assert desk.archive(job["ModelArtifacts"]["S3ModelArtifacts"]) == {"sum": "1010"}


def test_every_host_has_a_log_and_a_part_of_the_model(desk: Desk) -> None:
    name = desk.start(
        "me = socket.gethostname(); print(me); (ML / f'model/{me}').write_text(me)",
        ResourceConfig=hosts(2),
    )
    model = desk.archive(desk.finish(name)["ModelArtifacts"]["S3ModelArtifacts"])
    assert model == {"algo-1": "algo-1", "algo-2": "algo-2"}
    assert desk.log_of(name) == ["algo-1", "algo-2"]


def test_a_host_that_fails_ends_the_others(desk: Desk) -> None:
    name = desk.start(
        """
        if config("resourceconfig")["current_host"] == "algo-1":
            time.sleep(600)
        (ML / "output/failure").write_text("no peer"); sys.exit(2)
        """,
        ResourceConfig=hosts(2),
    )
    assert desk.finish(name)["FailureReason"] == "AlgorithmError: no peer, exit code: 2"


def test_a_job_reaches_nothing_but_its_hosts_and_the_cloud(desk: Desk) -> None:
    name = desk.start(
        """
        cloud = int(os.environ["AWS_ENDPOINT_URL"].rpartition(":")[2])
        socket.create_connection(("127.0.0.1", cloud), timeout=10).close()
        try:
            socket.create_connection(("192.0.2.1", 80), timeout=10)
        except OSError as error:
            print(error.strerror)
        """
    )
    assert desk.finish(name)["TrainingJobStatus"] == "Completed"
    assert desk.log_of(name) == ["Network is unreachable"]

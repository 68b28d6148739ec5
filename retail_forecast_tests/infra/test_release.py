"""The scripts behind `make push, scan, deploy, smoke, rollback, release`, with stand-ins for what they call."""

from __future__ import annotations

from pathlib import Path

import pytest

from retail_forecast_tests.infra.stand_ins import StandIns

ACCOUNT = "111122223333"
REGISTRY = f"{ACCOUNT}.dkr.ecr.ap-southeast-1.amazonaws.com"
HISTORY = '[{"revision":6,"status":"superseded"},{"revision":7,"status":"deployed"},{"revision":8,"status":"failed"}]'


@pytest.fixture
def tools(tmp_path: Path) -> StandIns:
    """Everything succeeds: the account has a release of three revisions, the last of which failed."""
    tools = StandIns(tmp_path / "bin")
    for name in ("docker", "kubectl", "make"):
        tools.add(name)
    tools.add("aws", f"case $all in *get-caller-identity*) echo {ACCOUNT} ;; *describe-images*) exit 254 ;; esac")
    tools.add("helm", f"case $all in version*) echo v4.0.1 ;; history*) echo '{HISTORY}' ;; esac")
    tools.add(
        "terraform", "case $all in *cluster_name) echo retail-forecast-dev ;; *) echo 'serve: {minReplicas: 3}' ;; esac"
    )
    return tools


def test_a_release_that_answers_stays(tools: StandIns) -> None:
    assert tools.script("release").returncode == 0
    assert tools.calls_of("make") == ["make deploy", "make smoke"]


def test_a_release_that_does_not_answer_is_taken_back_and_reported(tools: StandIns) -> None:
    tools.add("make", '[[ $all != smoke || $(grep -c "make smoke" "${0%/*}/calls") -gt 1 ]]')  # the first one fails
    done = tools.script("release")
    assert done.returncode == 1
    assert "back to revision 7" in done.stderr  # the last that was deployed; 8 had failed
    assert tools.calls_of("make") == ["make deploy", "make smoke", "make rollback REVISION=7", "make smoke"]


def test_a_release_that_was_taken_back_and_is_silent_even_so_says_that(tools: StandIns) -> None:
    tools.add("make", "[[ $all != smoke ]]")
    done = tools.script("release")
    assert done.returncode == 1
    assert "Revision 7 does not answer either" in done.stderr


def test_an_upgrade_that_helm_undid_is_neither_asked_nor_taken_back_again(tools: StandIns) -> None:
    tools.add("make", "[[ $all != deploy ]]")
    assert tools.script("release").returncode == 1
    assert tools.calls_of("make") == ["make deploy"]


def test_the_first_release_is_asked_only_whether_it_lives(tools: StandIns) -> None:
    tools.add("helm", "echo 'Error: release: not found' >&2; exit 1")
    assert tools.script("release").returncode == 0
    assert tools.calls_of("make") == ["make deploy", "make smoke SMOKE=--live"]


def test_a_cluster_that_refuses_is_not_taken_for_an_empty_one(tools: StandIns) -> None:
    tools.add("helm", "echo 'Error: Kubernetes cluster unreachable' >&2; exit 1")
    done = tools.script("release")
    assert (done.returncode, tools.calls_of("make")) == (1, [])
    assert "unreachable" in done.stderr


@pytest.mark.parametrize("environment", ["", "production"])
def test_no_cluster_is_guessed(tools: StandIns, environment: str) -> None:
    done = tools.script("connect", ENVIRONMENT=environment)
    assert (done.returncode, tools.calls) == (2, [])
    assert "ENVIRONMENT=dev or ENVIRONMENT=prod" in done.stderr


@pytest.mark.parametrize(
    ("version", "flag"),
    [("v3.19.0", "--atomic"), ("v4.0.1", "--rollback-on-failure"), ("v4.2.0+g1", "--rollback-on-failure")],
)
def test_helm_undoes_an_upgrade_by_the_name_that_its_version_has_for_it(
    tools: StandIns, version: str, flag: str
) -> None:
    tools.add("helm", f"case $all in version*) echo {version} ;; esac")
    assert tools.script("upgrade").returncode == 0
    (upgrade,) = [call for call in tools.calls if call.startswith("helm upgrade")]
    assert flag in upgrade.split()
    assert ("--force-conflicts" in upgrade) == version.startswith("v4")


def test_an_upgrade_takes_all_images_by_one_tag_and_its_values_from_terraform(tools: StandIns) -> None:
    tools.add("helm", 'case $1 in version) echo v4.0.1 ;; upgrade) cp "${10}" "${0%/*}/values" ;; esac')
    assert tools.script("upgrade", VALUES="dataset.yaml hosts.yaml").returncode == 0
    (upgrade,) = [call for call in tools.calls if call.startswith("helm upgrade")]
    assert "--values helm/retail-forecast/values-dev.yaml" in upgrade
    assert "--values dataset.yaml --values hosts.yaml" in upgrade
    assert f"image.registry={REGISTRY},image.tag=abc123" in upgrade
    for part in ("dagsterWebserver", "dagsterDaemon"):
        image = f"dagster.{part}.image"
        assert f"{image}.repository={REGISTRY}/retail-forecast/orchestrator,{image}.tag=abc123" in upgrade
    assert f"settings.training_image={REGISTRY}/retail-forecast/training:abc123" in upgrade
    assert (tools.folder / "values").read_text() == "serve: {minReplicas: 3}\n"


def test_an_upgrade_ends_when_every_replica_is_ready(tools: StandIns) -> None:
    tools.add("kubectl", "exit 1")
    assert tools.script("upgrade").returncode == 1
    (wait,) = tools.calls_of("kubectl")
    assert "wait rayservice/retail-forecast --for=condition=Ready" in wait


def test_an_upgrade_refuses_the_values_of_another_environment(tools: StandIns) -> None:
    done = tools.script("upgrade", ENVIRONMENT="prod")
    assert done.returncode == 1
    assert "set to retail-forecast-dev, not retail-forecast-prod" in done.stderr
    assert tools.calls_of("helm") == []


def test_a_rollback_ends_when_every_replica_is_ready(tools: StandIns) -> None:
    assert tools.script("rollback", "7").returncode == 0
    _, rollback, wait, _ = tools.calls
    assert rollback.startswith("helm rollback retail-forecast 7 ")
    assert rollback.endswith("--force-conflicts")
    assert "--for=condition=Ready" in wait


def test_a_tag_that_ecr_has_is_not_pushed_again(tools: StandIns) -> None:
    tools.add(
        "aws", f"case $all in *get-caller-identity*) echo {ACCOUNT} ;; *describe-images*training*) exit 254 ;; esac"
    )
    done = tools.script("push", "serving", "training")
    assert (done.returncode, "there retail-forecast/serving:abc123" in done.stdout) == (0, True)
    assert [call for call in tools.calls if call.startswith("docker push")] == [
        f"docker push --quiet {REGISTRY}/retail-forecast/training:abc123"
    ]


def test_images_of_uncommitted_files_are_not_pushed(tools: StandIns) -> None:
    done = tools.script("push", "serving", TAG="abc123-dirty")
    assert (done.returncode, tools.calls) == (1, [])
    assert "commit first" in done.stderr


def test_one_image_with_a_hole_fails_the_scan_after_all_are_scanned(tools: StandIns) -> None:
    tools.add("trivy", "[[ $all != *serving* ]]")
    assert tools.script("scan", "serving", "training").returncode == 1
    assert len(tools.calls_of("trivy")) == 2


def test_no_scanner_fails_the_scan_unless_that_is_said(tools: StandIns) -> None:
    assert tools.script("scan", "serving").returncode == 1
    assert tools.script("scan", "serving", SCAN="skip").returncode == 0


def test_the_smoke_test_asks_through_a_forwarded_port_that_is_closed_after_it(tools: StandIns) -> None:
    tools.add("kubectl", 'echo "Forwarding from 127.0.0.1:45678 -> 8000"; echo $$ > "${0%/*}/pid"; exec sleep 60')
    tools.add("python")
    assert tools.script("smoke", "--live", PYTHON=str(tools.folder / "python")).returncode == 0
    assert tools.calls[-1] == "python -m deploy.smoke http://127.0.0.1:45678 --live"
    pid = (tools.folder / "pid").read_text().strip()
    assert not Path("/proc", pid, "exe").exists()


def test_the_smoke_test_asks_the_url_that_it_is_given(tools: StandIns) -> None:
    tools.add("python", "exit 3")
    python = str(tools.folder / "python")
    assert tools.script("smoke", PYTHON=python, SMOKE_URL="https://forecasts.example.com").returncode == 3
    assert tools.calls == ["python -m deploy.smoke https://forecasts.example.com"]


def test_a_port_that_cannot_be_forwarded_fails_the_smoke_test(tools: StandIns) -> None:
    tools.add("kubectl", 'echo "error: services not found" >&2; exit 1')
    done = tools.script("smoke", PYTHON="python3")
    assert done.returncode == 1
    assert "forwarded no port" in done.stderr


def test_the_digest_of_the_base_is_noted_and_built_on(tools: StandIns, tmp_path: Path) -> None:
    digest, noted = f"sha256:{'0123456789abcdef' * 4}", tmp_path / "base"
    tools.add("docker", f"case $all in *imagetools*) echo {digest} ;; esac")
    (tools.folder / "make").unlink()
    tools.add("git", "echo 0123456789abcdef")
    assert tools.script("pin-base", str(noted)).returncode == 0
    assert noted.read_text() == f"python:3.12-slim-bookworm@{digest}\n"
    assert tools.run(["make", "images", "TAG=abc123", f"PINNED_BASE={noted}"]).returncode == 0
    builds = [call for call in tools.calls_of("docker") if "buildx build" in call]
    assert len(builds) == 3
    assert all(f"--build-arg BASE=python:3.12-slim-bookworm@{digest}" in build for build in builds)


def test_a_base_without_a_digest_is_not_noted(tools: StandIns, tmp_path: Path) -> None:
    tools.add("docker", "echo unauthorized")
    done = tools.script("pin-base", str(tmp_path / "base"))
    assert done.returncode == 1
    assert "docker tells no digest of python:3.12-slim-bookworm, but 'unauthorized'" in done.stderr
    assert not (tmp_path / "base").exists()


def test_make_builds_an_image_of_each_role_and_stops_at_one_that_fails(tools: StandIns) -> None:
    (tools.folder / "make").unlink()
    tools.add("git", "echo 0123456789abcdef")
    assert tools.run(["make", "images", "TAG=abc123", "BASE=python:3.12-slim@sha256:00"]).returncode == 0
    builds = tools.calls_of("docker")
    assert [build.split("--target ")[1].split()[0] for build in builds] == ["orchestrator", "training", "serving"]
    assert all(build.startswith("docker buildx build") and build.endswith(" .") for build in builds)
    assert "--tag retail-forecast/serving:abc123" in builds[2]
    assert "--build-arg REVISION=0123456789abcdef --build-arg BASE=python:3.12-slim@sha256:00" in builds[2]

    tools.add("docker", "[[ $all != *'--target training'* ]]")
    assert tools.run(["make", "images", "TAG=abc123"]).returncode == 2
    assert len(tools.calls_of("docker")) == 5  # three, and two of the second call


def test_make_hands_tag_and_environment_to_the_scripts(tools: StandIns) -> None:
    (tools.folder / "make").unlink()
    assert tools.run(["make", "deploy", "ENVIRONMENT=dev", "TAG=def456"], TAG="", ENVIRONMENT="").returncode == 0
    (upgrade,) = [call for call in tools.calls if call.startswith("helm upgrade")]
    assert "image.tag=def456" in upgrade
    assert "aws eks update-kubeconfig --region ap-southeast-1 --name retail-forecast-dev" in tools.calls

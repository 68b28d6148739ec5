"""The images' promises as the Dockerfile keeps them; `test_image_installation` carries its steps out."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from retail_forecast_tests.infra.dockerfile import DOCKERFILE, ROOT, lineage, read_stages

STAGES = read_stages(DOCKERFILE.read_text())
ROLES = ("orchestrator", "training", "serving")


def extras_of(role: str) -> set[str]:
    (command,) = [run for run in STAGES[f"{role}-dependencies"].all("RUN") if "install-extras" in run]
    return set(command.split("install-extras", 1)[1].split())


def hadolint(text: str) -> subprocess.CompletedProcess[str]:
    tool = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if tool is None:
        pytest.skip("hadolint comes with the extra infra (make infra-test)")
    return subprocess.run([tool, "-"], input=text, capture_output=True, text=True)


def test_hadolint_finds_nothing() -> None:
    done = hadolint(DOCKERFILE.read_text())
    assert (done.returncode, done.stdout) == (0, "")


def test_hadolint_finds_a_package_that_is_installed_with_what_it_recommends() -> None:
    done = hadolint(DOCKERFILE.read_text().replace("--no-install-recommends ", ""))
    assert done.returncode == 1
    assert "DL3015" in done.stdout


@pytest.mark.parametrize("role", ROLES)
def test_an_image_runs_as_a_user_without_rights(role: str) -> None:
    texts = [rest for stage in lineage(STAGES, role) for rest in stage.all("ARG") + stage.all("ENV")]
    arguments = dict(text.split("=", 1) for text in texts if "=" in text)
    user = re.sub(r"\$\{(\w+)\}", lambda name: arguments[name[1]], STAGES[role].all("USER")[-1])
    assert user == "10001:10001"  # a number, so that Kubernetes can see that it is not root


@pytest.mark.parametrize("role", ROLES)
def test_nothing_of_the_build_is_in_an_image_but_the_environment(role: str) -> None:
    bases = [stage.name for stage in lineage(STAGES, role)]
    copied = STAGES[role].all("COPY")
    assert bases == ["runtime", role]
    assert copied == [
        f"--from={role}-dependencies /opt/retail-forecast /opt/retail-forecast",
        "--from=code /build/code /opt/retail-forecast",
    ]


@pytest.mark.parametrize("role", ROLES)
def test_an_image_says_what_it_is_and_how_it_fares(role: str) -> None:
    labels = " ".join(rest for stage in lineage(STAGES, role) for rest in stage.all("LABEL"))
    names = ("title", "description", "licenses", "version", "revision", "vendor")
    assert [name for name in names if f"org.opencontainers.image.{name}=" not in labels] == []
    assert f'image.title="retail-forecast/{role}"' in labels
    (check,) = STAGES[role].all("HEALTHCHECK")
    assert (check == "NONE") == (role == "training")  # a job answers by its exit status


def test_an_image_holds_the_extras_of_its_role_alone() -> None:
    assert {role: extras_of(role) for role in ROLES} == {
        "orchestrator": {"orchestrator", "training", "aws", "k8s"},
        "training": {"training"},
        "serving": {"serving"},
    }
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set.union(*map(extras_of, ROLES)) <= set(known)


def test_no_secret_is_an_argument_or_a_variable_of_the_build() -> None:
    given = [rest for stage in STAGES.values() for rest in stage.all("ARG") + stage.all("ENV")]
    assert [one for one in given if re.search(r"(?i)secret|token|password|_key|credential", one)] == []


def test_all_stages_begin_with_the_one_base_and_name_no_registry() -> None:
    bases = {stage.base for stage in STAGES.values() if stage.name and stage.base not in STAGES}
    assert bases == {"${BASE}"}
    (base,) = [arg for arg in STAGES[""].all("ARG") if arg.startswith("BASE=")]
    assert re.fullmatch(r"BASE=python:3\.1[123]-slim-\w+(@sha256:[0-9a-f]{64})?", base)


def test_python_packages_come_by_hash_alone() -> None:
    texts = [run for stage in STAGES.values() for run in stage.all("RUN")]
    texts += [(DOCKERFILE.parent / "install-extras").read_text()]
    calls = [call for text in texts for call in re.split(r"&&|\n(?! )", text) if re.search(r"\bpip install\b", call)]
    assert len(calls) == 3
    assert [call for call in calls if "--require-hashes" not in call and "/build/wheel/" not in call] == []


def test_the_builder_is_sent_what_is_copied_and_no_more() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split("\n")
    copied = [
        name
        for stage in STAGES.values()
        for rest in stage.all("COPY")
        if not rest.startswith("--from=")
        for name in rest.split()[:-1]
    ]
    sent = [line[1:] for line in ignored if line.startswith("!")]
    assert "*" in ignored
    assert [name for name in copied if not any(name == one or name.startswith(one + "/") for one in sent)] == []
    assert [one for one in sent if not any(name == one or name.startswith(one + "/") for name in copied)] == []


def test_serving_has_what_kuberay_calls() -> None:
    installed = " ".join(STAGES["serving"].all("RUN"))
    assert "wget" in installed  # its probes
    assert "/etc/profile.d/retail-forecast.sh" in installed  # bash -l, which forgets PATH
    versions = re.findall(r"^ray==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert len(versions) == 1


@pytest.mark.parametrize(
    ("resolved", "code"),
    [
        ("polars==2.1.0 \\\n    --hash=sha256:aa\n", 0),
        ("polars==2.2.0 \\\n    --hash=sha256:aa\n", 1),  # pyproject.toml asks for more than the lock has
        ("polars==2.1.0 \\\n    --hash=sha256:bb\n", 1),  # the index offers another file under the same version
    ],
)
def test_only_what_the_lock_holds_is_installed(tmp_path: Path, resolved: str, code: int) -> None:
    build, called = tmp_path / "build", tmp_path / "installed"
    (build / "uv" / "bin").mkdir(parents=True)
    (build / "requirements.lock").write_text(
        "polars==2.1.0 \\\n    --hash=sha256:aa\nuv==1.0 \\\n    --hash=sha256:cc\n"
    )
    (tmp_path / "resolved").write_text(resolved)
    uv = build / "uv" / "bin" / "uv"
    uv.write_text(f'#!/bin/bash\n[[ $2 == compile ]] && cp {tmp_path}/resolved role.lock || echo "$@" > {called}\n')
    uv.chmod(0o755)
    script = build / "install-extras"
    script.write_text((DOCKERFILE.parent / "install-extras").read_text().replace("/build/uv", f"{build}/uv"))
    done = subprocess.run(["bash", script, "serving"], capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    assert called.exists() == (code == 0)
    if code == 0:
        assert "--require-hashes" in called.read_text()
    else:
        assert "run: make lock" in done.stderr

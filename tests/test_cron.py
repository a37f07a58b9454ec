"""What operators start it by: crontab, systemd, Kubernetes, Container Apps, a container. Each has its own judge."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from finops.jobs.duties import DUTIES

CRON = Path(__file__).parent.parent / "cron"
SYSTEMD = CRON / "systemd"
KUBERNETES = CRON / "kubernetes"
WAYS = ("daemon", "cronjobs")
SERVICES = ("aml-finops.service", "aml-finops@.service", "aml-finops-web.service", "aml-finops-backup.service")
# The oldest that Azure still serves (AKS long-term support, November 2026), and the newest with a published schema.
KUBERNETES_VERSIONS = ("1.30", "1.37")
# Exposure by `systemd-analyze security` of systemd 252, times ten; 0 is best. The units' own comments say it too.
EXPOSURE = 11


# --- the duties ---


def in_crontab() -> list[str]:
    return re.findall(r"^[^#\n]*finops daemon run --once (\S+) --quiet$", (CRON / "crontab").read_text("utf-8"), re.M)


def test_every_duty_has_its_line_in_the_crontab():
    assert sorted(in_crontab()) == sorted(duty.name for duty in DUTIES)


def test_every_duty_has_its_timer():
    timers = {path.name for path in SYSTEMD.glob("*.timer")} - {"aml-finops-backup.timer", "aml-finops-look.timer"}

    assert timers == {f"aml-finops-{duty.name}.timer" for duty in DUTIES}


def test_a_timer_starts_the_duty_it_is_named_for():
    for duty in DUTIES:
        unit = (SYSTEMD / f"aml-finops-{duty.name}.timer").read_text("utf-8")

        assert f"\nUnit=aml-finops@{duty.name}.service\n" in unit


def test_every_duty_has_its_cronjob():
    jobs = list(yaml.safe_load_all((KUBERNETES / "cronjobs/cronjobs.yaml").read_text("utf-8")))
    started = {
        job["metadata"]["name"]: job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["args"]
        for job in jobs
    }

    assert started.pop("aml-finops-look") == ["daemon", "look"]
    assert started == {f"aml-finops-{duty.name}": ["daemon", "run", "--once", duty.name] for duty in DUTIES}


def test_each_way_without_a_daemon_looks_for_what_is_late():
    drop_in = (SYSTEMD / "aml-finops@look.service.d/look.conf").read_text("utf-8")

    assert re.findall(r"^[^#\n]*finops daemon look --quiet$", (CRON / "crontab").read_text("utf-8"), re.M)
    assert "\nUnit=aml-finops@look.service\n" in (SYSTEMD / "aml-finops-look.timer").read_text("utf-8")
    assert re.findall("^ExecStart=(.*)$", drop_in, re.M) == [
        "", "/opt/aml-finops/bin/finops daemon look --config /etc/aml-finops/finops.yaml"
    ]  # fmt: skip


def test_cron_and_kubernetes_ask_at_the_same_times():
    lines = (CRON / "crontab").read_text("utf-8")
    asked = re.findall(r"^(\S+) +\* \* \* \* .* finops daemon (?:run --once )?(\S+) --quiet$", lines, re.M)
    of_cron = {job: times for times, job in asked}
    jobs = yaml.safe_load_all((KUBERNETES / "cronjobs/cronjobs.yaml").read_text("utf-8"))

    assert {job["metadata"]["name"][11:]: job["spec"]["schedule"].split()[0] for job in jobs} == of_cron


@pytest.mark.parametrize(("command", "options"), [("run", ["--once", "--quiet", "--config"]), ("look", ["--quiet"])])
def test_the_crontab_starts_what_there_is(command: str, options: list[str]):
    from click.testing import CliRunner

    from finops.cli import cli

    said = CliRunner().invoke(cli, ["daemon", command, "--help"])

    assert said.exit_code == 0
    assert all(option in said.output for option in options)


def test_every_line_of_the_crontab_is_one_that_cron_takes():
    times = r"(?:\*|\d+)(?:-\d+)?(?:/\d+)?"
    line = re.compile(
        rf"(?:#.*|[A-Z_]+=\S+|{times}(?: +{times}){{4}} aml-finops cd /var/lib/aml-finops && finops [^%]+)"
    )

    for each in (CRON / "crontab").read_text("utf-8").splitlines():
        assert line.fullmatch(each), each
    assert (CRON / "crontab").read_text("utf-8").endswith("\n")


def test_a_duty_by_cron_may_take_as_long_as_it_may():
    unit = (SYSTEMD / "aml-finops@.service").read_text("utf-8")
    every = yaml.safe_load((KUBERNETES / "cronjobs/every.yaml").read_text("utf-8"))
    job = yaml.safe_load((CRON / "container-apps/job.yaml").read_text("utf-8"))
    given = [
        int(re.findall(r"TimeoutStartSec=(\d+)h", unit)[0]) * 3600,
        every["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"],
        job["properties"]["configuration"]["replicaTimeout"],
    ]

    assert min(given) > max(duty.limit.total_seconds() for duty in DUTIES)


# --- systemd ---


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units, with one that every machine has in place of what they start."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze on this machine")
    for path in (*SYSTEMD.glob("*.service"), *SYSTEMD.glob("*.timer"), *SYSTEMD.glob("*.d/*.conf")):
        text = path.read_text("utf-8").replace("/opt/aml-finops/bin/finops", "/bin/true")
        copy = tmp_path / path.relative_to(SYSTEMD)
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(text, "utf-8")
    for name in (*(duty.name for duty in DUTIES), "look"):
        shutil.copy(tmp_path / "aml-finops@.service", tmp_path / f"aml-finops@{name}.service")
    (tmp_path / "aml-finops@.service").unlink()
    return tmp_path


def analyzed(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, timeout=120)


def test_systemd_takes_every_unit(units: Path):
    said = analyzed("verify", "--man=no", *(str(path) for path in sorted(units.iterdir()) if path.is_file()))

    assert said.returncode == 0, said.stderr
    assert said.stderr == ""


def test_systemd_would_have_said_what_is_wrong(units: Path):
    wrong = units / "aml-finops.service"
    wrong.write_text(wrong.read_text("utf-8").replace("WatchdogSec=180", "WatchDogSec=180"), "utf-8")

    said = analyzed("verify", "--man=no", str(wrong))

    assert "WatchDogSec" in said.stderr


def test_systemd_would_have_said_what_is_wrong_with_the_look(units: Path):
    wrong = units / "aml-finops@look.service.d/look.conf"
    wrong.write_text(wrong.read_text("utf-8").replace("TimeoutStartSec", "TimeOutStartSec"), "utf-8")

    said = analyzed("verify", "--man=no", str(units / "aml-finops@look.service"))

    assert "TimeOutStartSec" in said.stderr


@pytest.mark.parametrize("name", [*(name.replace("@", "@guard") for name in SERVICES), "aml-finops@look.service"])
def test_a_service_is_exposed_no_more_than_it_says(units: Path, name: str):
    judged = analyzed("security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE}", str(units / name))

    assert judged.returncode == 0, judged.stdout


def test_a_service_that_may_do_more_would_be_seen(units: Path):
    loose = units / "aml-finops.service"
    loose.write_text(loose.read_text("utf-8").replace("ProtectSystem=strict\n", ""), "utf-8")

    judged = analyzed("security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE}", str(loose))

    assert judged.returncode != 0


def test_the_units_and_their_readme_state_the_score():
    for path in (*(SYSTEMD / name for name in SERVICES), CRON / "README.md"):
        assert f"gives {EXPOSURE / 10}" in " ".join(path.read_text("utf-8").replace("#", " ").split()), path.name


def test_all_services_are_hardened_alike():
    def hardening(name: str) -> list[str]:
        text = (SYSTEMD / name).read_text("utf-8")
        return text[text.index("NoNewPrivileges") :].split("\n\n")[0].split("\n")

    assert len({"\n".join(hardening(name)).rstrip() for name in SERVICES}) == 1


def test_the_page_is_kept_from_the_machines_identity():
    assert "IPAddressDeny=169.254.169.254" in (SYSTEMD / "aml-finops-web.service").read_text("utf-8")


def test_a_stop_leaves_the_daemon_more_time_than_it_takes():
    given = [
        int(n) for f in SERVICES[:2] for n in re.findall(r"TimeoutStopSec=(\d+)", (SYSTEMD / f).read_text("utf-8"))
    ]

    assert len(given) == 2
    assert min(given) > 90


# --- Kubernetes ---


@cache
def files_of(folder: str) -> tuple[Path, ...]:
    """Every file that a kustomization names, those of its bases included."""
    home = KUBERNETES / folder
    plan = yaml.safe_load((home / "kustomization.yaml").read_text("utf-8"))
    found = [home / "kustomization.yaml", *(home / each["path"] for each in plan.get("patches", []))]
    found += [home / file for each in plan.get("configMapGenerator", []) for file in each["files"]]
    for each in plan["resources"]:
        path = (home / each).resolve()
        found += files_of(path.name) if path.is_dir() else [path]
    return tuple(found)


def test_the_kustomizations_name_every_file_and_no_other():
    named = {path.resolve() for way in WAYS for path in files_of(way)}

    assert named == {path.resolve() for path in KUBERNETES.rglob("*") if path.is_file()}


@cache
def built(way: str) -> tuple[dict[str, Any], ...]:
    if shutil.which("kubectl") is not None:
        command = ["kubectl", "kustomize"]
    elif shutil.which("kustomize") is not None:
        command = ["kustomize", "build"]
    else:
        pytest.skip("neither kubectl nor kustomize on this machine")
    made = subprocess.run([*command, str(KUBERNETES / way)], capture_output=True, text=True, timeout=60)
    assert made.returncode == 0, made.stderr
    return tuple(yaml.safe_load_all(made.stdout))


def pods(objects: tuple[dict[str, Any], ...]) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for each in objects:
        spec = each.get("spec", {})
        template = spec.get("jobTemplate", {}).get("spec", spec).get("template")
        if template:
            found.append((each["metadata"]["name"], template["spec"]))
    return found


def objects_as_written() -> list[Any]:
    """What is whole as written, patches and kustomizations left out."""
    files = [path for path in KUBERNETES.rglob("*.yaml") if path.parent.name != "cronjobs"]
    parts = [part for path in files for part in yaml.safe_load_all(path.read_text("utf-8"))]
    return [part for part in parts if "kind" in part and part["kind"] != "Kustomization"]


def test_what_is_written_is_what_kubernetes_takes():
    import kubernetes_validate

    for each in objects_as_written():
        kubernetes_validate.validate(each, KUBERNETES_VERSIONS[-1], strict=True)


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
@pytest.mark.parametrize("way", WAYS)
def test_what_kustomize_builds_is_what_kubernetes_takes(way: str, version: str):
    import kubernetes_validate

    for each in alike_once(built(way)):
        kubernetes_validate.validate(each, version, strict=True)


def alike_once(objects: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
    """One of those that differ in values only, as each costs half a second."""
    found = {re.sub(r'": ("[^"]*"|\d+)', '"', json.dumps(each)) + each["kind"]: each for each in objects}
    return list(found.values())


@pytest.mark.parametrize("way", WAYS)
def test_every_pod_keeps_to_the_restricted_standard(way: str):
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted, and a root that is read-only."""
    found = pods(built(way))

    assert found
    for name, pod in found:
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["runAsUser"] > 0, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["automountServiceAccountToken"] is False, name
        assert not any(pod.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")), name
        assert all(
            set(volume) <= {"name", "configMap", "secret", "emptyDir", "persistentVolumeClaim"}
            for volume in pod["volumes"]
        )
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            assert container["resources"]["limits"]["memory"], name


@pytest.mark.parametrize("way", WAYS)
def test_only_the_page_goes_without_an_identity_in_azure(way: str):
    who = {name: pod["serviceAccountName"] for name, pod in pods(built(way))}

    assert who.pop("aml-finops-web") == "aml-finops-web"
    assert set(who.values()) == {"aml-finops"}


@pytest.mark.parametrize("way", WAYS)
def test_new_settings_make_new_pods(way: str):
    maps = {each["metadata"]["name"] for each in built(way) if each["kind"] == "ConfigMap"}
    used = {v["configMap"]["name"] for _, pod in pods(built(way)) for v in pod["volumes"] if "configMap" in v}

    assert used == maps
    assert all(re.fullmatch(r"aml-finops-[a-z0-9]{10}", name) for name in maps)


@pytest.mark.parametrize("way", WAYS)
def test_no_secret_is_in_the_manifests(way: str):
    assert [each for each in built(way) if each["kind"] == "Secret"] == []


def test_every_pod_is_reached_by_a_network_policy():
    policies = [each for each in built("daemon") if each["kind"] == "NetworkPolicy"]
    named = {p["spec"]["podSelector"].get("matchLabels", {}).get("app.kubernetes.io/name") for p in policies}

    assert named == {None, "aml-finops", "aml-finops-web"}


def test_no_pod_reaches_the_metadata_service_of_its_node():
    policies = [each for each in built("daemon") if each["kind"] == "NetworkPolicy"]
    blocks = [
        to["ipBlock"] for p in policies for rule in p["spec"].get("egress", []) for to in rule["to"] if "ipBlock" in to
    ]

    assert len(blocks) == 2
    assert all("169.254.0.0/16" in block["except"] for block in blocks)


def test_the_probes_ask_where_the_daemon_answers():
    pod = dict(pods(built("daemon")))["aml-finops"]
    (container,) = pod["containers"]
    listens = {each["name"]: each["value"] for each in container["env"]}["FINOPS_DAEMON__LISTEN"]

    assert container["ports"] == [{"name": "metrics", "containerPort": int(listens.rpartition(":")[2])}]
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "metrics"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "metrics"}
    assert pod["terminationGracePeriodSeconds"] > 90


def test_the_settings_of_the_cluster_are_settings(monkeypatch: pytest.MonkeyPatch):
    from finops.config import load

    monkeypatch.setenv("FINOPS_DAEMON__LISTEN", "0.0.0.0:9464")

    settings = load(KUBERNETES / "base/finops.yaml")

    assert settings.azure.identity == "workload"
    assert settings.mail.transport == "acs"


# --- Azure Container Apps ---


def unknown(data: Any, place: str = "") -> list[str]:
    """Keys of `data`, a model of Microsoft's client, that this model does not have."""
    if isinstance(data, list):
        return [each for part in data for each in unknown(part, place)]
    fields = getattr(type(data), "_attr_to_rest_field", None)
    if fields is None:
        return []
    names = {field._rest_name: name for name, field in fields.items()}
    found = [f"{place}.{key}" for key in data if key not in names]
    return found + [
        each for key in data if key in names for each in unknown(getattr(data, names[key]), f"{place}.{key}")
    ]


@pytest.mark.parametrize(("file", "model"), [("daemon.yaml", "ContainerApp"), ("job.yaml", "Job")])
def test_container_apps_know_every_field(file: str, model: str):
    from azure.mgmt.appcontainers import models

    written = yaml.safe_load((CRON / "container-apps" / file).read_text("utf-8"))

    assert unknown(getattr(models, model)(written)) == []


def test_a_misspelt_field_of_container_apps_would_be_seen():
    from azure.mgmt.appcontainers import models

    written = yaml.safe_load((CRON / "container-apps/job.yaml").read_text("utf-8"))
    written["properties"]["template"]["containers"][0]["volumeMounts"][0]["mount"] = "/"

    assert unknown(models.Job(written)) == [".properties.template.containers.volumeMounts.mount"]


@pytest.mark.parametrize("file", ["daemon.yaml", "job.yaml"])
def test_a_container_app_mounts_what_it_names(file: str):
    properties = yaml.safe_load((CRON / "container-apps" / file).read_text("utf-8"))["properties"]
    template, secrets = properties["template"], {each["name"] for each in properties["configuration"]["secrets"]}
    volumes = {each["name"]: each for each in template["volumes"]}

    assert {each["volumeName"] for each in template["containers"][0]["volumeMounts"]} == set(volumes)
    assert {s["secretRef"] for v in volumes.values() for s in v.get("secrets", [])} == secrets


def test_what_was_not_tried_says_so():
    for path in ("container-apps/daemon.yaml", "container-apps/job.yaml"):
        assert "Not deployed" in (CRON / path).read_text("utf-8")
    assert "Not built" in (CRON / "Containerfile").read_text("utf-8")


# --- the container ---


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"^#.*\n", "", (CRON / "Containerfile").read_text("utf-8"), flags=re.M).replace("\\\n", " ")
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in text.splitlines() if line.strip()]


def test_the_container_runs_as_the_user_of_the_pods():
    users = [value for word, value in instructions() if word == "USER"]
    pod = dict(pods(tuple(yaml.safe_load_all((KUBERNETES / "daemon/daemon.yaml").read_text("utf-8")))))["aml-finops"]

    assert users == [f"{pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}"]


def test_the_container_is_pinned_watched_and_copies_nothing_from_the_net():
    words = [word for word, _ in instructions()]

    assert all(re.search(r":\d[\w.-]+( AS \w+)?$", value) for word, value in instructions() if word == "FROM")
    assert words.count("HEALTHCHECK") == 1
    assert "ADD" not in words


def test_the_container_starts_as_the_pods_think_it_does():
    found = dict(instructions())

    assert json.loads(found["ENTRYPOINT"]) == ["finops"]
    assert json.loads(found["CMD"]) == ["daemon", "run"]
    assert found["WORKDIR"] == "/var/lib/aml-finops"

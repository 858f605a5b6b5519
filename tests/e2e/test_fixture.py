"""The Pod of two init containers, from its manifest to Running and away, seen from two terminals."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from tests.conftest import require_engine
from tests.e2e.support import FIXTURE, Bench, Done, until

pytestmark = pytest.mark.docker

POD = "init-container-pod"
INITS = ("init-container-1", "init-container-2")
MAIN = "main-container-nginx"
PULLED = r'Successfully pulled image "busybox:latest" in \S+ \(\S+ including waiting\)\. Image size: \d+ bytes\.'


@dataclass(frozen=True)
class Shown:
    """The fixture while it runs, looked at with everything there is, and how it ended."""

    bench: Bench
    uid: str
    looks: dict[str, Done]
    containers: dict[str, str]
    docker_logs: dict[str, str]
    ended: Done
    watch: Done
    left: list[str]


LOOKS = {
    "table": ("get", "po"),
    "wide": ("get", "po", "-o", "wide"),
    "json": ("get", "po", POD, "-o", "json"),
    "yaml": ("get", "pod", POD, "-o", "yaml"),
    "name": ("get", "pods", "-o", "name"),
    "ip": ("get", f"pod/{POD}", "-o", "jsonpath={.status.podIP}"),
    "describe": ("describe", "po", "init-container"),
    "events": ("events", "--for", f"pod/{POD}"),
    "logs": ("logs", POD, "-c", INITS[0]),
    "timestamps": ("logs", POD, "-c", INITS[1], "--timestamps"),
    "all": ("logs", POD, "--all-containers", "--prefix"),
    "wait": ("wait", "--for=condition=Ready", f"pod/{POD}", "--timeout", "60s"),
    "twice": ("run", str(FIXTURE)),
    "plan": ("plan", str(FIXTURE)),
}


@pytest.fixture(scope="module")
def shown(sdk: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    bench = Bench(directory=tmp_path_factory.mktemp("fixture"), address=require_engine().url, engine=sdk)
    try:
        watch = bench.start("get", "po", "-w")
        run = bench.start("run", str(FIXTURE))
        run.line("Status", "→ Running (1/1 ready)")
        uid = bench("get", "po", POD, "-o", "jsonpath={.metadata.uid}").out
        label = {"label": [f"io.kubernetes.pod.uid={uid}"]}
        found = sdk.api.containers(all=True, filters=label)
        containers = {one["Names"][0].lstrip("/"): one["Status"] for one in found}
        logs = {name: sdk.containers.get(name).logs().decode() for name in containers if "k8s_init-" in name}
        looks = {key: bench(*argv) for key, argv in LOOKS.items()}
        run.interrupt()
        ended = run.end()
        until(lambda: "Completed" in watch.text("out"), "the pod's end in get -w")
        watch.interrupt()
        volumes = [volume.name for volume in sdk.volumes.list(filters=label)]
        left = [one["Names"][0] for one in sdk.api.containers(all=True, filters=label)] + volumes
        yield Shown(bench, uid, looks, containers, logs, ended, watch.end(), left)
    finally:
        bench.close()


def test_its_status_goes_the_way_of_a_kubelet(shown: Shown) -> None:
    assert shown.ended.statuses[:5] == ["Pending", "Init:0/2", "Init:1/2", "PodInitializing", "Running"]


def test_its_events_are_those_of_a_kubelet_in_reason_message_and_order(shown: Shown) -> None:
    node = socket.gethostname().lower()
    expected: list[tuple[str, str]] = [
        ("Scheduled", re.escape(f"Successfully assigned default/{POD} to {node}")),
    ]
    for name in INITS:
        expected += [
            ("Pulling", f'{name}: Pulling image "busybox:latest"'),
            ("Pulled", f"{name}: {PULLED}"),
            ("Created", f"{name}: Container created"),
            ("Started", f"{name}: Container started"),
        ]
    expected += [
        (
            "Pulled",
            re.escape(
                f'{MAIN}: Container image "nginx:1.7.9" already present on machine and can be accessed by the pod'
            ),
        ),
        ("Created", f"{MAIN}: Container created"),
        ("Started", f"{MAIN}: Container started"),
        ("Killing", f"{MAIN}: Stopping container {MAIN}"),
    ]
    seen = shown.ended.events
    assert [reason for reason, _ in seen] == [reason for reason, _ in expected]
    for (_, message), (_, pattern) in zip(seen, expected, strict=True):
        assert re.fullmatch(pattern, message)


def test_the_init_containers_lines_go_to_standard_output_in_order(shown: Shown) -> None:
    lines = [re.sub(r" +\|", " |", line) for line in shown.ended.out.splitlines()]
    assert lines[:2] == [f"{INITS[0]} | Init Container 1", f"{INITS[1]} | Init Container 2"]
    assert "Init Container" not in shown.ended.err


def test_the_first_ctrl_c_removes_everything_and_exits_130(shown: Shown) -> None:
    assert shown.ended.code == 130
    assert shown.left == []
    assert "nothing of the pod is left" in shown.ended.err
    assert shown.bench("get", "po", "-A").err == "No resources found\n"


def test_docker_ps_shows_the_ended_init_containers_under_the_kubelets_names(shown: Shown) -> None:
    suffix = f"{POD}_default_{shown.uid}_0"
    assert set(shown.containers) == {f"k8s_{name}_{suffix}" for name in ("POD", *INITS, MAIN)}
    for name in INITS:
        assert shown.containers[f"k8s_{name}_{suffix}"].startswith("Exited (0)")
    for name in ("POD", MAIN):
        assert shown.containers[f"k8s_{name}_{suffix}"].startswith("Up")


def test_docker_logs_of_the_init_containers_print_their_lines(shown: Shown) -> None:
    suffix = f"{POD}_default_{shown.uid}_0"
    assert shown.docker_logs == {
        f"k8s_{INITS[0]}_{suffix}": "Init Container 1\n",
        f"k8s_{INITS[1]}_{suffix}": "Init Container 2\n",
    }


def test_get_prints_the_columns_of_kubectl(shown: Shown) -> None:
    header, row = shown.looks["table"].out.splitlines()
    assert header.split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert row.split()[:4] == [POD, "1/1", "Running", "0"]
    header, row = shown.looks["wide"].out.splitlines()
    assert header.split("  ")[-1].strip() == "READINESS GATES"
    ip = shown.looks["ip"].out
    assert re.fullmatch(r"[0-9a-f.:]+", ip)
    assert row.split()[5:7] == [ip, socket.gethostname().lower()]


def test_get_prints_machine_formats(shown: Shown) -> None:
    value = json.loads(shown.looks["json"].out)
    assert (value["kind"], value["metadata"]["name"], value["status"]["phase"]) == ("Pod", POD, "Running")
    assert value["spec"]["nodeName"] == socket.gethostname().lower()
    assert "\n  phase: Running\n" in shown.looks["yaml"].out
    assert shown.looks["name"].out == f"pod/{POD}\n"


def test_get_w_prints_a_line_for_each_change(shown: Shown) -> None:
    words = [line.split()[2] for line in shown.watch.out.splitlines()[1:]]
    changes = [word for place, word in enumerate(words) if word not in words[:place]]
    order = ["Pending", "Init:0/2", "Init:1/2", "PodInitializing", "Running", "Terminating", "Completed"]
    assert [word for word in order if word in changes] == changes
    assert {"Running", "Completed"} <= set(changes)


def test_describe_shows_the_pod_with_its_events(shown: Shown) -> None:
    text = shown.looks["describe"].out
    for part in (
        f"Name:             {POD}",
        "Service Account:  default",
        "Init Containers:",
        "Exit Code:    0",
        "Events:",
        "Container started",
    ):
        assert part in text
    assert f"Node:             {socket.gethostname().lower()}/" in text


def test_events_are_listed_oldest_first(shown: Shown) -> None:
    header, first, *_ = shown.looks["events"].out.splitlines()
    assert header.split() == ["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    assert "Scheduled" in first


def test_logs_reads_containers_that_have_ended(shown: Shown) -> None:
    assert shown.looks["logs"].out == "Init Container 1\n"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z Init Container 2\n", shown.looks["timestamps"].out)
    assert f"[pod/{POD}/{INITS[0]}] Init Container 1\n" in shown.looks["all"].out


def test_wait_returns_when_the_condition_holds(shown: Shown) -> None:
    assert (shown.looks["wait"].code, shown.looks["wait"].out) == (0, f"pod/{POD} condition met\n")


def test_a_name_that_a_living_process_has_is_refused(shown: Shown) -> None:
    assert shown.looks["twice"].code == 2
    assert f'"{POD}" already exists' in shown.looks["twice"].err
    assert "Traceback" not in shown.looks["twice"].err


def test_plan_tells_the_first_decision(shown: Shown) -> None:
    assert shown.looks["plan"].code == 0
    assert INITS[0] in shown.looks["plan"].out


def test_nothing_is_coloured_in_pipes(shown: Shown) -> None:
    assert [key for key, done in shown.looks.items() if "\x1b" in done.out + done.err] == []
    assert "\x1b" not in shown.ended.out + shown.ended.err


def test_nothing_ever_shows_a_traceback(shown: Shown) -> None:
    assert [key for key, done in shown.looks.items() if "Traceback" in done.err] == []
    assert Path(shown.bench.environ["PODRUNNER_HOME"], "state.db").exists()

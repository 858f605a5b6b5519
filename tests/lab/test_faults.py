"""Faults in virtual time: what a kubelet shows of each, and the events that tell of them."""

from __future__ import annotations

from typing import Any

import pytest

from runner import Fault, UsageError, testing
from runner.core.labels import FAULTS
from runner.testing import SimulatedLife
from tests.cli.support import CommandLine

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  initContainers: [{name: migrate, image: "team/app:1", command: [migrate]}]
  containers: [{name: app, image: "team/web:1"}]
"""


def life(*faults: str, **how: Any) -> SimulatedLife:
    given: dict[str, Any] = {"retry": "container", "seconds": 300, **how}
    return testing.simulate(POD, faults=faults, **given)


def told(found: SimulatedLife) -> list[tuple[str, str, str, int]]:
    """The injected faults: type, component, message, and how often by then."""
    return [
        (event.type, event.source.component, event.message, event.count)
        for event in found.events()
        if event.reason == "FaultInjected"
    ]


WORDS = [
    ("migrate#0:exit=3", ["Init:Error", "PodInitializing", "Running"], [3, 0]),
    (
        "migrate#0-1:exit=3",
        ["Init:Error", "Init:CrashLoopBackOff", "Init:0/1", "PodInitializing", "Running"],
        [3, 3, 0],
    ),
    ("migrate#0:oom", ["Init:OOMKilled", "PodInitializing", "Running"], [137, 0]),
    ("migrate:hang", ["Init:0/1"], []),
    ("migrate:delay=20s", ["Init:0/1", "PodInitializing", "Running"], [0]),
    ("migrate#0:signal=KILL", ["Init:Error", "PodInitializing", "Running"], [137, 0]),
    ("migrate#0@migrate.running+500ms:signal=TERM", ["Init:0/1", "Init:Error", "PodInitializing", "Running"], [143, 0]),
    ("migrate#0@migrate.running+500ms:exit=4", ["Init:0/1", "Init:Error", "PodInitializing", "Running"], [4, 0]),
    ("migrate#0@migrate.running+5s:exit=4", ["Init:0/1", "PodInitializing", "Running"], [0]),
    ("migrate#0:start-error", ["Init:RunContainerError", "Init:0/1", "PodInitializing", "Running"], [128, 0]),
    ("image/team/app*#0:not-found", ["Init:ErrImagePull", "Init:ImagePullBackOff", "PodInitializing", "Running"], [0]),
    ("image/team/app#0:unauthorized", ["Init:ErrImagePull", "Init:ImagePullBackOff", "Running"], [0]),
    ("image/team/app:1#0:too-many-requests", ["Init:ErrImagePull", "Init:ImagePullBackOff", "Running"], [0]),
    ("image/team/app:delay=30s", ["Init:0/1", "PodInitializing", "Running"], [0]),
    ("app#0@app.running+5s:signal=KILL", ["Running", "Error", "Running"], [0]),
]


def _in_order(words: list[str], all_words: list[str]) -> bool:
    rest = iter(all_words)
    return all(word in rest for word in words)


@pytest.mark.parametrize(("fault", "words", "codes"), WORDS, ids=[one[0] for one in WORDS])
def test_a_fault_shows_what_a_kubelet_would(fault: str, words: list[str], codes: list[int]) -> None:
    found = life(fault)
    assert _in_order(words, found.words), found.words
    assert [one.exit_code for one in found.init("migrate").attempts] == codes
    assert found.pod.annotations[FAULTS] == fault


@pytest.mark.parametrize("fault", [one[0] for one in WORDS if "+5s:exit" not in one[0]])
def test_each_injected_fault_is_an_event(fault: str) -> None:
    events = told(life(fault))
    assert events
    assert {message for _, _, message, _ in events} == {f"Injected fault {fault}"}
    assert {component for _, component, _, _ in events} == {"podrunner"}
    assert {kind for kind, _, _, _ in events} == {"Normal" if "delay" in fault else "Warning"}


def test_a_fault_is_marked_once_in_the_pods_record() -> None:
    from runner.core.history.attempts import attempts
    from runner.lab.records import record_of

    record = record_of(life("migrate#0-1:exit=3", "sandbox@app.running+5s:kill")._simulation)
    assert [(one.container, one.text) for one in record.faults] == [
        ("migrate", "Injected fault migrate#0-1:exit=3"),
        ("migrate", "Injected fault migrate#0-1:exit=3"),
        ("", "Injected fault sandbox@app.running+5s:kill"),
    ]
    marks = [[mark.kind for mark in one.marks] for one in attempts(record) if one.container == "migrate"]
    assert marks[:3] == [["FaultInjected"], ["FaultInjected"], []]


def test_a_fault_that_comes_again_is_counted() -> None:
    assert [count for _, _, _, count in told(life("migrate#0-1:exit=3"))] == [1, 2]


def test_a_pull_fails_in_a_registrys_words_and_succeeds_without_one() -> None:
    found = life("image/team/app*#0:not-found")
    failed = next(event for event in found.events() if event.reason == "Failed")
    assert failed.message == (
        'Failed to pull image "team/app:1": rpc error: code = NotFound desc = '
        "manifest for team/app:1 not found: manifest unknown: manifest unknown"
    )
    assert [event.reason for event in found.events()].count("Pulled") == 2  # migrate's second pull, and app's look


def test_an_image_takes_its_time_once() -> None:
    found = life(
        "image/team/app:delay=30s", script={"containers": {"migrate": {"attempts": [{"exit": 1}, {"exit": 0}]}}}
    )
    assert len(told(found)) == 1
    assert found.seconds_until("Init:Error") == pytest.approx(31, abs=0.5)
    assert found.seconds_until("Running") == pytest.approx(32, abs=0.5)


def test_an_image_that_is_always_pulled_takes_its_time_each_time() -> None:
    again = POD.replace('"team/app:1"', '"team/app:1", imagePullPolicy: Always')
    script = {"containers": {"migrate": {"attempts": [{"exit": 1}, {"exit": 0}]}}}
    found = testing.simulate(again, faults=["image/team/app:delay=30s"], script=script, retry="container", seconds=300)
    assert len(told(found)) == 2
    assert found.seconds_until("Running") == pytest.approx(62, abs=0.5)


def test_what_hangs_is_killed_when_its_grace_is_over() -> None:
    script = {"steps": [{"at": "10s", "delete": {"grace": "7s"}}]}
    found = life("app:hang", script=script)
    assert found.seconds == pytest.approx(17, abs=0.5)


def test_a_fault_may_wait_for_another_container() -> None:
    assert life("app@migrate.ended:exit=9").container("app").attempts[0].exit_code == 9
    assert life("migrate#1@app.running:exit=9").init("migrate").attempts[0].exit_code == 0
    late = life("app#1-9@migrate.ended+10s:exit=9", script={"containers": {"app": {"attempts": [{"exit": 5}]}}})
    assert [one.exit_code for one in late.container("app").attempts][:3] == [5, 5, 9]


def test_a_signal_may_wait_for_another_container() -> None:
    found = life("app@migrate.failed:signal=KILL", "migrate#0:exit=1")
    assert [one.exit_code for one in found.container("app").attempts] == []  # It did not run then.
    assert len(told(found)) == 1


def test_faults_are_values_or_texts() -> None:
    fault = Fault.parse("web/migrate#0:exit=3")
    assert life(fault).init("migrate").attempts[0].exit_code == 3  # type: ignore[arg-type]
    other = testing.simulate(POD, faults=[{"target": "migrate", "attempts": 0, "fault": "exit=3"}], seconds=60)
    assert other.init("migrate").attempts[0].exit_code == 3


def test_a_fault_that_concerns_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match='no pod has a container "migrat", did you mean "migrate"'):
        life("migrat:exit=3")


# --- what a pod refers to --------------------------------------------------------------------------------------------------

REFERRING = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - name: app
    image: "team/web:1"
    env:
    - {name: A, valueFrom: {configMapKeyRef: {name: settings, key: database}}}
    - {name: B, valueFrom: {secretKeyRef: {name: token, key: password}}}
    readinessProbe: {tcpSocket: {port: 80}, periodSeconds: 5}
    livenessProbe: {httpGet: {port: 80, path: /live}, periodSeconds: 5, failureThreshold: 2}
    volumeMounts: [{name: work, mountPath: /work}]
  volumes: [{name: work, emptyDir: {}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {database: shop}
---
apiVersion: v1
kind: Secret
metadata: {name: token}
stringData: {password: hidden}
"""
MISSING = [
    ("config/settings:missing", 'configmap "settings" not found'),
    ("config/settings.database:missing", "couldn't find key database in ConfigMap default/settings"),
    ("secret/token:missing", 'secret "token" not found'),
    ("secret/token.password:missing", "couldn't find key password in Secret default/token"),
]


@pytest.mark.parametrize(("fault", "message"), MISSING, ids=[one[0] for one in MISSING])
def test_what_is_missing_is_missed_as_by_a_kubelet(fault: str, message: str) -> None:
    found = testing.simulate(REFERRING, faults=[fault], seconds=60)
    assert found.status.word == "CreateContainerConfigError"
    assert f"Error: {message}" in [event.message for event in found.events()]
    assert told(found) == [("Warning", "podrunner", f"Injected fault {fault}", 1)]


def test_what_is_missing_from_a_moment_on_was_there_before() -> None:
    script = {"containers": {"app": {"attempts": [{"exit": 1, "after": "20s"}]}}}
    found = testing.simulate(REFERRING, faults=["config/settings@app.running+10s:missing"], script=script, seconds=100)
    assert _in_order(["Running", "Error", "CreateContainerConfigError"], found.words), found.words


PROBES = [
    ("probe/app.readiness:fail", "Readiness probe failed: dial tcp 172.17.4.4:80: connect: connection refused", 0),
    ("probe/app.liveness#0:fail", "Liveness probe failed: HTTP probe failed with statuscode: 500", 1),
    ("probe/app.readiness:delay=3s", "Readiness probe failed: dial tcp 172.17.4.4:80: i/o timeout", 0),
]


@pytest.mark.parametrize(("fault", "message", "restarts"), PROBES, ids=[one[0] for one in PROBES])
def test_a_probe_fails_as_its_kind_does(fault: str, message: str, restarts: int) -> None:
    found = testing.simulate(REFERRING, faults=[fault], seconds=60)
    assert message in [event.message for event in found.events() if event.reason == "Unhealthy"]
    assert found.status.restarts == restarts
    assert found.status.is_ready is bool(restarts)
    assert [count for _, _, _, count in told(found)] == [1]


def test_a_probe_that_is_late_and_in_time_succeeds() -> None:
    found = testing.simulate(REFERRING, faults=["probe/app.readiness:delay=500ms"], seconds=60)
    assert found.status.is_ready
    assert told(found)


CUT = [
    ("net:cut", False),
    ("net@app.running+10s:cut=20s", True),
    ("net#1@app.running+10s:cut", True),
]


@pytest.mark.parametrize(("fault", "is_ready"), CUT, ids=[one[0] for one in CUT])
def test_a_pod_whose_network_is_cut_answers_no_probe(fault: str, is_ready: bool) -> None:
    """Neither tcpSocket nor httpGet; what is run inside the container goes on."""
    plain = REFERRING.replace(
        "livenessProbe: {httpGet: {port: 80, path: /live},", "livenessProbe: {exec: {command: [live]},"
    )
    found = testing.simulate(plain, faults=[fault], seconds=60)
    late = "Readiness probe failed: dial tcp 172.17.4.4:80: i/o timeout"
    is_told = [("Warning", "podrunner", f"Injected fault {fault}", 1)]
    assert told(found) == ([] if "#1" in fault else is_told)
    assert (late in [event.message for event in found.events()]) is ("#1" not in fault)
    assert found.status.is_ready is is_ready
    assert found.status.restarts == 0


def test_a_container_whose_liveness_is_asked_over_a_cut_network_is_restarted_as_ever() -> None:
    found = testing.simulate(REFERRING, faults=["net@app.running+2s:cut=12s"], retry="container", seconds=60)
    messages = [event.message for event in found.events() if event.reason == "Unhealthy"]
    where = 'Get "http://172.17.4.4:80/live"'
    assert (
        f"Liveness probe failed: {where}: context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        in messages
    )
    assert found.status.restarts == 1
    assert found.status.is_ready


BROUGHT = [
    "dns/db*:nxdomain", "dns/db@app.running+10s:delay=3s", "volume/work:owner=1000", "volume/work:full=1Mi",
    "volume/work@app.running:owner=0",
]  # fmt: skip


@pytest.mark.parametrize("fault", BROUGHT)
def test_what_is_brought_into_the_sandbox_is_told_once_and_again_in_the_next_one(fault: str) -> None:
    kind = "Normal" if "delay" in fault else "Warning"
    found = testing.simulate(REFERRING, faults=[fault], seconds=60)
    assert told(found) == [(kind, "podrunner", f"Injected fault {fault}", 1)]
    assert found.pod.annotations[FAULTS] == fault
    again = testing.simulate(REFERRING, faults=[fault, "sandbox@app.running+20s:kill"], retry="container", seconds=90)
    counts = [count for _, _, text, count in told(again) if text.endswith(fault)]
    assert counts == ([1] if "full" in fault else [1, 2])


def test_each_sandbox_has_the_answers_that_go_wrong_and_volumes_of_their_sizes() -> None:
    from runner.lab.simulation import Simulation

    faults = [
        "dns/db:nxdomain",
        "dns/*.example.org@app.running+5s:delay=2s",
        "volume/work:full=1Mi",
        "net@app.ended:cut",
    ]
    found = testing.simulate(REFERRING, faults=faults, seconds=30)
    simulation = found._simulation
    assert isinstance(simulation, Simulation)
    engine = simulation.engine
    (sandbox,) = [one for one in engine.list_containers({}) if one.name.startswith("k8s_POD_")]
    config = engine._containers[sandbox.id].config
    assert config.cap_add == ("NET_ADMIN",)
    (work,) = [mount for mount in config.mounts if mount.target == "/volumes/work"]
    assert work.create is not None
    assert work.create.options == {"type": "tmpfs", "device": "tmpfs", "o": "mode=0777,size=1048576"}
    lines = engine.download(sandbox.id, "/zone-faults").decode(errors="ignore")
    assert "delay *.example.org 2000\ndelay *.example.org.default.svc.cluster.local 2000\n" in lines
    assert "nxdomain db\nnxdomain db.default.svc.cluster.local\nnxdomain db.svc.cluster.local\n" in lines


# --- the sandbox, the node, the Engine -------------------------------------------------------------------------------------

INITIALIZED = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  terminationGracePeriodSeconds: 5
  initContainers:
  - {name: one, image: "team/app:1"}
  - name: side
    image: "team/app:1"
    restartPolicy: Always
    startupProbe: {tcpSocket: {port: 80}, periodSeconds: 1}
  - {name: two, image: "team/app:1"}
  containers: [{name: main, image: "team/app:1"}]
"""
_ALL = ["one", "side", "two", "main"]
ORDERS = [
    ("node@main.running+5s:reboot", _ALL + _ALL),
    ("node@two.running+500ms:reboot", _ALL[:3] + _ALL),
    ("node@side.running+500ms:reboot", _ALL[:3] + _ALL),
    ("node@one.running:reboot", ["one", *_ALL]),
    ("node#1@main.running+5s:reboot node@two.running+500ms:reboot", _ALL[:3] + _ALL),
    ("node#0-1@main.running+5s:reboot", _ALL + _ALL + _ALL),
    ("sandbox@main.running+5s:kill", _ALL + _ALL),
    ("sandbox@two.running+500ms:kill", _ALL[:3] + _ALL),
    ("sandbox:kill", ["one", *_ALL]),
    ("engine@two.running:down=5s", _ALL),
    ("engine:down=5s", _ALL),
]


def _started(found: SimulatedLife) -> list[str]:
    """The containers in the order in which their instances were first seen; of many events some are not stored."""
    names: dict[str, str] = {}
    for _, status in found.statuses:
        value = status.typed.to_json()
        for one in (*value.get("initContainerStatuses", ()), *value.get("containerStatuses", ())):
            if one.get("containerID"):
                names.setdefault(one["containerID"], one["name"])
    return list(names.values())


@pytest.mark.parametrize(("faults", "started"), ORDERS, ids=[one[0] for one in ORDERS])
def test_init_containers_run_again_in_their_order_when_the_sandbox_goes(faults: str, started: list[str]) -> None:
    found = testing.simulate(INITIALIZED, faults=faults.split(), retry="container", seconds=300)
    assert _started(found) == started
    assert found.status.word == "Running"
    assert found.status.is_ready
    assert told(found)


def test_a_reboot_forgets_what_a_kubelet_forgets() -> None:
    """Back-offs begin anew; what is counted is counted on."""
    script = {"containers": {"two": {"attempts": [{"exit": 1}]}}}
    faults = ["node#0@two.failed+100s:reboot"]
    found = testing.simulate(INITIALIZED, faults=faults, script=script, retry="container", seconds=140)
    after = [at for at, status in found.statuses if status.word == "Init:CrashLoopBackOff" and at > 100]
    assert after
    assert min(after) < 106
    assert len(found.init("two").attempts) > 5


def test_an_engine_that_is_away_delays_what_is_next() -> None:
    found = testing.simulate(INITIALIZED, faults=["engine@two.running:down=30s"], retry="container", seconds=300)
    assert 31 < found.seconds_until("Running") < 45


# --- the command ---------------------------------------------------------------------------------------------------------


def test_simulate_takes_faults_and_files_of_them(tmp_path: Any) -> None:
    manifest, faults = tmp_path / "pod.yaml", tmp_path / "faults.yaml"
    manifest.write_text(POD)
    faults.write_text("- migrate#0:exit=3\n")
    podrunner = CommandLine()
    done = podrunner("simulate", str(manifest), "--faults", str(faults), "--fault", "app#0:exit=4", "--for", "1m")
    assert done.code == 0
    assert "migrate: Injected fault migrate#0:exit=3" in done.out
    assert "app: Injected fault app#0:exit=4" in done.out


def test_simulate_tells_what_is_no_fault(tmp_path: Any) -> None:
    manifest = tmp_path / "pod.yaml"
    manifest.write_text(POD)
    podrunner = CommandLine()
    done = podrunner("simulate", str(manifest), "--fault", "migrate:exitt=3")
    assert (done.code, done.out) == (2, "")
    assert done.err == 'error: fault "migrate:exitt=3", column 9: there is no fault "exitt", did you mean "exit"?\n'
    done = podrunner("simulate", str(manifest), "--faults", str(tmp_path / "none"))
    assert done.code == 2
    assert "does not exist" in done.err


def test_faults_of_workloads_concern_the_pods_that_they_make(tmp_path: Any) -> None:
    manifest = tmp_path / "job.yaml"
    manifest.write_text(
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: seed}\nspec:\n  backoffLimit: 1\n"
        '  template: {spec: {restartPolicy: Never, containers: [{name: fill, image: "seed:2"}]}}\n'
    )
    done = CommandLine()("simulate", str(manifest), "--fault", "seed-*/fill:exit=4", "--for", "5m")
    assert done.code == 0, done.err
    assert done.out.count("Injected fault seed-*/fill:exit=4") == 2

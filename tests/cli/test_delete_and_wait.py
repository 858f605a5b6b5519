"""delete and wait."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner import Runner
from runner.cli.resources import RESOURCES
from runner.clock import VirtualClock
from runner.core.admission import NO_NODE, unscheduled
from runner.engine.simulated import SimulatedEngine
from runner.errors import NoSuchObject, WaitTimeout
from runner.registry.contract import put
from runner.registry.memory import MemoryRegistry
from tests.cli.support import START, CommandLine, FakeDeletion, line, pod, put_pod

MANIFEST = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: main, image: "nginx:1.27"}]}
"""


@pytest.fixture
def podrunner() -> CommandLine:
    line = CommandLine()
    put_pod(line.runner.store, pod("web"))
    put_pod(line.runner.store, pod("db", phase="Pending"))
    return line


@pytest.mark.parametrize(
    ("argv", "asked", "printed"),
    [
        pytest.param(
            "delete po web",
            [("default", "web", None)],
            ['pod "web" deleted from default namespace'],
            id="one pod",
        ),
        pytest.param("delete web --grace-period 5", [("default", "web", 5)], None, id="a grace period"),
        pytest.param("delete web --grace-period=-1", [("default", "web", None)], None, id="the pod's own grace"),
        pytest.param(
            "delete pod/web --now",
            [("default", "web", 0)],
            ['pod "web" deleted from default namespace'],
            id="now is no grace",
        ),
        pytest.param("delete pod/web --grace-period 0", [("default", "web", 0)], None, id="no grace"),
        pytest.param(
            "delete po web --force --grace-period=0",
            [("default", "web", 0)],
            ['pod "web" force deleted from default namespace'],
            id="force is no grace",
        ),
        pytest.param(
            "delete po --all",
            [("default", "db", None), ("default", "web", None)],
            ['pod "db" deleted from default namespace', 'pod "web" deleted from default namespace'],
            id="all pods of the namespace",
        ),
        pytest.param("delete po -l !app", [("default", "db", None), ("default", "web", None)], None, id="labels"),
        pytest.param(
            "delete po nosuch web --ignore-not-found",
            [("default", "web", None)],
            ['pod "web" deleted from default namespace'],
            id="an unknown pod may be ignored",
        ),
    ],
)
def test_pods_are_deleted(
    podrunner: CommandLine, argv: str, asked: list[tuple[str, str, int | None]], printed: list[str] | None
) -> None:
    done = podrunner(*argv.split())
    assert done.code == 0
    assert podrunner.runner.asked["deleted"] == asked
    assert printed is None or done.out.splitlines() == printed


def test_the_pods_of_a_manifest_are_deleted(podrunner: CommandLine) -> None:
    done = podrunner("delete", "-f", "-", stdin=MANIFEST)
    assert done.out == 'pod "web" deleted from default namespace\n'


@pytest.mark.parametrize(
    ("argv", "waited"),
    [
        pytest.param("delete po web", [None], id="it waits without limit"),
        pytest.param("delete po web --timeout 5s", [5.0], id="it waits so long"),
        pytest.param("delete po web --wait=false", [], id="kubectl's spelling"),
        pytest.param("delete po web --no-wait", [], id="our spelling"),
    ],
)
def test_delete_returns_when_the_pods_are_gone(podrunner: CommandLine, argv: str, waited: list[float | None]) -> None:
    podrunner(*argv.split())
    assert podrunner.runner.deletion.waited == waited


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        pytest.param("delete", "you must provide one or more resources", id="nothing"),
        pytest.param("delete po", "no name was specified", id="no name"),
        pytest.param("delete po web --all", "one of them", id="a name and all"),
        pytest.param("delete po --all -l app", "give one of them", id="all and labels"),
        pytest.param("delete po web -f x.yaml", "give one of them", id="a name and a file"),
        pytest.param("delete deplyo web", "did you mean deploy?", id="a misspelt kind"),
        pytest.param("delete web -l app", "name cannot be provided when a selector", id="a name and labels"),
        pytest.param("delete -f x.yaml -l app", "name cannot be provided when a selector", id="a file and labels"),
        pytest.param(
            "delete po web --now --grace-period 3", "cannot be specified together", id="now and a grace period"
        ),
        pytest.param("delete po web --force --grace-period 3", "cannot be specified together", id="force and a grace"),
        pytest.param("delete node/web", "doesn't have a resource type", id="another kind"),
    ],
)
def test_a_deletion_that_makes_no_sense_touches_nothing(podrunner: CommandLine, argv: str, message: str) -> None:
    done = podrunner(*argv.split())
    assert done.code == 2
    assert message in done.err
    assert "deleted" not in podrunner.runner.asked


EVERYTHING = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
---
apiVersion: v1
kind: Namespace
metadata: {name: elsewhere}
---
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: main, image: "nginx:1.27"}]}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: pi}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: main, image: "nginx:1.27"}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: gone}
spec: {containers: [{name: main, image: "nginx:1.27"}]}
"""


def test_a_deletion_goes_on_past_what_is_missing_waits_and_fails_at_the_end(
    podrunner: CommandLine, tmp_path: Path
) -> None:
    path = tmp_path / "all.yaml"
    path.write_text(EVERYTHING)
    put_job(podrunner)
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": "default"}}
    put(podrunner.runner.store, claim)
    done = podrunner("delete", "-f", str(path))
    assert done.out.splitlines() == [
        'pod "web" deleted from default namespace',
        'persistentvolumeclaim "data" deleted from default namespace',
        'job.batch "pi" deleted from default namespace',
    ]
    assert podrunner.runner.deletion.waited == [None, None, None]
    told = f'Error from server (NotFound): error when deleting "{path}": '
    assert done.err.splitlines() == [
        "namespace/elsewhere: nothing is kept of it, so there is nothing to delete",
        f'{told}configmaps "settings" not found',
        f'{told}pods "gone" not found',
    ]
    assert done.code == 1
    assert podrunner("delete", "-f", str(path), "--ignore-not-found").code == 0


def test_what_went_wrong_with_one_object_is_told_when_the_others_are_gone(podrunner: CommandLine) -> None:
    class Stuck(FakeDeletion):
        def wait(self, timeout: float | None = None) -> None:
            super().wait(timeout)
            raise WaitTimeout(f"timed out for the {len(self.waited)}. time")

    podrunner.runner.deletion = stuck = Stuck()
    done = podrunner("delete", "po", "web", "db", "--timeout", "5s")
    assert (done.code, len(stuck.waited)) == (4, 2)
    assert done.err == "error: timed out for the 1. time\nerror: timed out for the 2. time\n"


@pytest.mark.parametrize(
    ("argv", "kind", "grace"),
    [
        pytest.param("delete deploy/shop", "Deployment", None, id="in one word"),
        pytest.param("delete deploy shop", "Deployment", None, id="in two"),
        pytest.param("delete deployment.apps/shop --grace-period 3", "Deployment", 3, id="with its group"),
        pytest.param("delete Deployments shop --now", "Deployment", 0, id="written large"),
        pytest.param("delete cm shop", "ConfigMap", None, id="an object"),
        pytest.param("delete pvc shop", "PersistentVolumeClaim", None, id="a claim"),
        pytest.param("delete deploy --all --force", "Deployment", 0, id="all of a kind"),
        pytest.param("delete rs,sts,deploy,cj shop", "Deployment", None, id="of one of several kinds"),
    ],
)
def test_whatever_get_shows_is_deleted(podrunner: CommandLine, argv: str, kind: str, grace: int | None) -> None:
    put(podrunner.runner.store, {"kind": kind, "metadata": {"name": "shop", "namespace": "default"}})
    done = podrunner(*argv.split())
    assert podrunner.runner.asked["deleted objects"] == [(kind, "default", "shop", grace)]
    assert "deleted" not in podrunner.runner.asked
    assert 'shop" ' in done.out
    missing = 3 if "rs,sts" in argv else 0
    assert (done.code, done.err.count("(NotFound)")) == (1 if missing else 0, missing)


@pytest.mark.parametrize("kind", [one.words.kind for one in RESOURCES])
def test_every_kind_that_get_shows_has_a_way_to_be_deleted(kind: str, tmp_path: Path) -> None:
    with Runner(home=tmp_path, store=MemoryRegistry(), engine=SimulatedEngine(VirtualClock(START))) as runner:
        metadata = {"name": "x", "namespace": "default", "uid": "u"}
        value = {"apiVersion": "v1", "kind": kind, "metadata": metadata}
        if kind == "Pod":
            return
        if kind == "Event":
            runner.store.record_event({**value, "involvedObject": {}})
        else:
            put(runner.store, value)
        deletion = runner.client.delete(kind, "default", "x")
        runner.client.finish([deletion])
        deletion.wait(5)
        assert runner.store.list(kind).items == runner.store.list("Event").items == []
        with pytest.raises(NoSuchObject, match="not found"):
            runner.client.delete(kind, "default", "x")


def test_nothing_that_is_selected_is_nothing_to_delete(podrunner: CommandLine) -> None:
    done = podrunner("delete", "po", "-l", "app=nosuch")
    assert (done.code, done.out, done.err) == (0, "", "No resources found\n")


@pytest.mark.parametrize(
    ("argv", "met"),
    [
        pytest.param("wait po --all --for=create", ["pod/db condition met", "pod/web condition met"], id="all"),
        pytest.param("wait po -l !app --for=create", ["pod/db condition met", "pod/web condition met"], id="by labels"),
    ],
)
def test_pods_are_waited_for_together(podrunner: CommandLine, argv: str, met: list[str]) -> None:
    done = podrunner(*argv.split())
    assert (done.code, done.out.splitlines(), done.err) == (0, met, "")


@pytest.mark.parametrize(
    ("argv", "problem"),
    [
        pytest.param("wait po -l app --for=create", "no matching resources found", id="nothing is selected"),
        pytest.param("wait po web --all --for=create", "name one kind and nothing else", id="a name beside it"),
        pytest.param("wait po,deploy --all --for=create", "name one kind and nothing else", id="two kinds"),
    ],
)
def test_a_wait_for_nothing_is_refused(podrunner: CommandLine, argv: str, problem: str) -> None:
    done = podrunner(*argv.split())
    assert (done.code, done.out) == (2, "")
    assert problem in done.err


@pytest.mark.parametrize(
    "argv",
    [
        "--for=condition=Ready pod/web",
        "--for=condition=ready=true web",
        "--for=condition=Ready=False db",
        "--for=phase=Running po web",
        "--for=jsonpath={.status.phase}=Running web",
        "--for=jsonpath='{.status.phase}'=Running web".replace("'", ""),
        "--for=jsonpath={.status.podIP} web",
        "--for=jsonpath=.status.phase=Running web",
        "--for=jsonpath={.status.containerStatuses[0].ready}=true web",
        "--for=create web",
        "--for=delete gone",
    ],
)
def test_a_condition_that_holds_is_met(podrunner: CommandLine, argv: str) -> None:
    done = podrunner("wait", *argv.split())
    name = argv.split()[-1].removeprefix("pod/")
    assert (done.code, done.out, done.err) == (0, f"pod/{name} condition met\n", "")


@pytest.mark.parametrize(
    "argv",
    [
        "--for=condition=Ready db",
        "--for=condition=Nonsense web",
        "--for=phase=Failed web",
        "--for=jsonpath={.status.phase}=Failed web",
        "--for=jsonpath={.status.nothing} web",
        "--for=create gone",
        "--for=delete web",
    ],
)
def test_a_condition_that_does_not_come_is_a_timeout(podrunner: CommandLine, argv: str) -> None:
    done = podrunner("wait", *argv.split())
    assert (done.code, done.out) == (4, "")
    assert done.err == f"error: timed out waiting for the condition on pods/{argv.split()[-1]}\n"


def test_who_waits_for_a_pod_that_no_node_holds_is_told_so(podrunner: CommandLine) -> None:
    podrunner.runner.store.create({**pod("lonely"), "status": unscheduled("2026-01-02T03:04:05Z")})
    done = podrunner("wait", "--for=condition=Ready", "pod/lonely")
    assert done.code == 4
    problem, hint = done.err.splitlines()
    assert problem == "error: timed out waiting for the condition on pods/lonely"
    assert hint == f"hint: Unschedulable: {NO_NODE}"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        pytest.param("--for=happiness web", 'unrecognized condition: "happiness"', id="an unknown condition"),
        pytest.param("--for=jsonpath={.x[} web", "error parsing jsonpath", id="a path that cannot be read"),
        pytest.param("web", "Missing option '--for'", id="no condition"),
    ],
)
def test_waiting_for_nonsense_is_refused(podrunner: CommandLine, argv: str, message: str) -> None:
    done = podrunner("wait", *argv.split())
    assert done.code == 2
    assert message in done.err


@pytest.mark.parametrize(
    ("argv", "seconds"),
    [
        pytest.param("", 30.0, id="half a minute by default"),
        pytest.param("--timeout 1m30s", 90.0, id="Go's durations"),
        pytest.param("--timeout 0", 0.0, id="nought looks once"),
        pytest.param("--timeout=-1s", 168 * 3600.0, id="a negative time is a week"),
    ],
)
def test_the_timeout_reaches_the_library(podrunner: CommandLine, argv: str, seconds: float) -> None:
    podrunner("wait", "--for=create", "web", *argv.split())
    assert podrunner.runner.asked["timeout"] == pytest.approx(seconds)


def test_the_manifest_of_a_deletion_must_exist(podrunner: CommandLine, tmp_path: Path) -> None:
    done = podrunner("delete", "-f", str(tmp_path / "nosuch.yaml"))
    assert done.code == 2
    assert "does not exist" in done.err


def put_job(line: CommandLine, *conditions: str) -> None:
    """A Job with these conditions."""
    listed = [{"type": kind, "status": "True"} for kind in conditions]
    value = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "pi", "namespace": "default"}}
    put(line.runner.store, {**value, "status": {"conditions": listed}})


def test_a_workload_is_waited_for_too(podrunner: CommandLine) -> None:
    put_job(podrunner)
    podrunner.clock.steps = [lambda: None, lambda: put_job(podrunner, "SuccessCriteriaMet", "Complete")]
    done = podrunner("wait", "--for=condition=complete", "job/pi")
    assert (done.code, done.out) == (0, "job.batch/pi condition met\n")
    assert podrunner("wait", "--for=condition=complete", "job", "pi").code == 0


@pytest.mark.parametrize(
    ("argv", "code", "expected"),
    [
        pytest.param("--for=condition=failed job/pi --timeout 0", 4, "timed out waiting for the condition on jobs/pi", id="late"),
        pytest.param("--for=condition=complete job/nosuch", 1, 'jobs.batch "nosuch" not found', id="not there"),
        pytest.param("--for=condition=complete nosuch/pi", 2, "doesn't have a resource type", id="an unknown kind"),
    ],
)  # fmt: skip
def test_a_workload_that_does_not_get_there_is_an_error(
    podrunner: CommandLine, argv: str, code: int, expected: str
) -> None:
    put_job(podrunner)
    done = podrunner("wait", *argv.split())
    assert (done.code, done.out) == (code, "")
    assert expected in done.err


def ended(name: str, **more: Any) -> dict[str, Any]:
    """A pod that has failed: its init container ended with exit code 3."""
    value = pod(name, phase="Failed", **more)
    state = {"terminated": {"exitCode": 3, "reason": "Error", "containerID": "docker://1"}}
    first = {"name": "first", "state": state, "ready": False, "restartCount": 0, "image": "busybox:1.36"}
    value["status"]["initContainerStatuses"] = [first]
    return value


def test_a_wait_for_a_pod_that_has_ended_ends_at_once_with_the_cause(podrunner: CommandLine) -> None:
    put_pod(podrunner.runner.store, ended("late"))
    podrunner.runner.lines = {"first": [line("mkdir /srv/x: permission denied", container="first")]}
    done = podrunner("wait", "--for=condition=Ready", "po/late", "--timeout", "1h")
    assert done.code == 1
    assert done.err.splitlines() == [
        "error: pods/late is Failed and cannot be Ready any more",
        "cause (likely): init container first runs as the image's user, who may not use /srv/x of its image",
        "next: run it as the user that the image is made for, give that path to the user in the image, "
        "or mount an emptyDir there",
    ]


def test_a_wait_whose_time_is_up_tells_the_cause(podrunner: CommandLine) -> None:
    value = pod("late", phase="Pending")
    value["status"]["initContainerStatuses"][0]["state"] = {"waiting": {"reason": "InvalidImageName", "message": "x"}}
    put_pod(podrunner.runner.store, value)
    done = podrunner("wait", "--for=condition=Ready", "po/late", "--timeout", "0")
    assert done.code == 4
    assert done.err.splitlines()[:2] == [
        "error: timed out waiting for the condition on pods/late",
        "cause: 'busybox:1.36' is no name of an image, and init container first asks for it",
    ]


@pytest.mark.parametrize(
    "argv",
    [
        pytest.param("--for=condition=Ready po/owned", id="its controller puts another one in its place"),
        pytest.param("--for=condition=Ready=false po/web", id="what is not to be true"),
        pytest.param("--for=phase=Running po/late", id="a phase"),
    ],
)
def test_what_may_still_come_is_waited_for(podrunner: CommandLine, argv: str) -> None:
    put_pod(podrunner.runner.store, ended("late"))
    put_pod(podrunner.runner.store, ended("owned", ownerReferences=[{"kind": "StatefulSet", "name": "s", "uid": "1"}]))
    assert podrunner("wait", *argv.split(), "--timeout", "0").code == 4


@pytest.mark.parametrize(("wanted", "other"), [("complete", "Failed"), ("failed", "Complete")])
def test_a_job_that_has_come_to_its_other_end_is_not_waited_for(
    podrunner: CommandLine, wanted: str, other: str
) -> None:
    put_job(podrunner, other)
    done = podrunner("wait", f"--for=condition={wanted}", "job/pi", "--timeout", "1h")
    assert (done.code, done.err) == (1, f"error: jobs/pi is {other} and cannot be {wanted} any more\n")

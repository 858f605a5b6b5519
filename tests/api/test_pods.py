"""Running pods from Python, on the real Engine."""

from __future__ import annotations

import socket
import threading
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner import PodFailed, Runner, Status, UsageError, WaitTimeout
from runner.core.labels import POD_UID
from runner.engine.docker import DockerEngine
from runner.kubelet.prober.handlers import Reach

pytestmark = pytest.mark.docker

WEB = """\
apiVersion: v1
kind: Pod
metadata: {name: NAME}
spec:
  terminationGracePeriodSeconds: 1
  initContainers:
  - name: migrate
    image: busybox:1.36
    command: [sh, -c, "echo migrating; echo migrated > /work/done"]
    volumeMounts: [{name: work, mountPath: /work}]
  containers:
  - name: app
    image: busybox:1.36
    command: [sh, -c, "echo $GREETING; exec httpd -f -p 8080 -h /work"]
    env: [{name: GREETING, value: hello}]
    ports: [{name: http, containerPort: 8080}]
    readinessProbe: {httpGet: {path: /done, port: http}, periodSeconds: 1}
    volumeMounts: [{name: work, mountPath: /work}, {name: fast, mountPath: /fast}]
  volumes: [{name: work, emptyDir: {}}, {name: fast, emptyDir: {medium: Memory}}, {name: unused, emptyDir: {}}]
"""
FAILS = """\
apiVersion: v1
kind: Pod
metadata: {name: NAME}
spec:
  restartPolicy: Never
  initContainers: [{name: check, image: "busybox:1.36", command: [sh, -c, "echo no luck; exit 3"]}]
  containers: [{name: app, image: "busybox:1.36"}]
"""


@pytest.fixture
def runner(docker_engine: DockerEngine, tmp_path: Path) -> Iterator[Runner]:
    with Runner(engine=docker_engine, home=tmp_path) as made:
        yield made


def named(text: str) -> str:
    return text.replace("NAME", f"pod-{uuid.uuid4().hex[:8]}")


def left(engine: DockerEngine, uid: str) -> int:
    return len(engine.list_containers({POD_UID: uid})) + len(engine.list_volumes({POD_UID: uid}))


def test_a_pod_can_be_looked_at_used_and_deleted(runner: Runner, docker_engine: DockerEngine) -> None:
    pod = runner.run(named(WEB), timeout=120, env={"app": {"GREETING": "hi"}})
    assert pod.status.is_ready
    assert (pod.status.phase, str(pod.status), pod.status.restarts) == ("Running", "Running", 0)
    assert pod.status.to_dict()["metadata"]["uid"] == pod.uid
    (attempt,) = pod.init("migrate").attempts
    assert (attempt.exit_code, attempt.reason, attempt.logs()) == (0, "Completed", "migrating\n")
    assert attempt.started_at is not None
    assert attempt.finished_at is not None
    assert attempt.finished_at >= attempt.started_at
    assert pod.container("app").attempts[0].exit_code is None
    assert pod.logs("app") == "hi\n"
    with urllib.request.urlopen(f"http://{pod.port('http')}/done") as answer:
        assert answer.read() == b"migrated\n"
    assert pod.port(8080) == pod.port("http")
    assert pod.exec(["sh", "-c", "echo out; echo err >&2; exit 3"], container="app") == (3, "out\n", "err\n")
    assert pod.exec(["tr", "a-z", "A-Z"], container="app", stdin="red").stdout == "RED"
    told: list[tuple[str, bytes]] = []
    command = ["sh", "-c", "echo $COLOUR; pwd; id -u; cat >&2"]
    how = {"env": {"COLOUR": "blue"}, "user": "7", "workdir": "/tmp"}
    asked = pod.exec(command, container="app", stdin=iter([b"a", b"b"]), stream=lambda *one: told.append(one), **how)  # type: ignore[arg-type]
    assert asked == (0, "", "")
    assert b"".join(data for name, data in told if name == "stdout") == b"blue\n/tmp\n7\n"
    assert b"".join(data for name, data in told if name == "stderr") == b"ab"
    with pytest.raises(UsageError, match="'nosuch' cannot be started in container app"):
        pod.exec(["nosuch"], container="app", env={"A": "b"})
    with pytest.raises(WaitTimeout, match=r"was not over after 0\.5 s"):
        pod.exec(["sleep", "9"], container="app", stdin="", timeout=0.5)
    assert [event.reason for event in pod.events()][:2] == ["Scheduled", "Pulled"]
    assert pod.decision == "start app attempt 0: it has not run yet"
    assert pod.wait_for("ContainersReady", timeout=120).is_initialized
    assert pod in runner.pods
    pod.delete(grace=0, timeout=120)
    assert pod.is_gone
    assert pod not in runner.pods
    assert left(docker_engine, pod.uid) == 0
    assert attempt.logs() == "migrating\n"


def test_volumes_are_read_and_written(runner: Runner) -> None:
    pod = runner.run(named(WEB), timeout=120)
    work = pod.volume("work")
    assert (work.files(), work.read("done"), work.read_text("done")) == (["done"], b"migrated\n", "migrated\n")
    work.write("a/b/deep.txt", "deep")
    work.write("done", b"again\n")
    assert pod.exec(["sh", "-c", "cat /work/a/b/deep.txt /work/done"]).stdout == "deepagain\n"
    assert pod.exec(["sh", "-c", "ln -s a/b/deep.txt /work/link; mkdir /work/empty"]).exit_code == 0
    assert work.files() == ["a/b/deep.txt", "done", "link"]
    assert work.read_text("link") == "deep"
    pod.volume("fast").write("memory", "kept")
    assert pod.volume("fast").read_text("memory") == "kept"
    for path in ("../etc", "/etc/passwd", ""):
        with pytest.raises(UsageError, match="no path within volume"):
            work.read(path)
    with pytest.raises(UsageError, match="has no file nosuch"):
        work.read("nosuch")
    with pytest.raises(UsageError, match="no container of the pod mounts volume unused"):
        pod.volume("unused").files()
    with pytest.raises(UsageError, match="has no volume nosuch"):
        pod.volume("nosuch")


def test_containers_and_sandboxes_come_back(runner: Runner) -> None:
    pod = runner.run(named(WEB), timeout=120, speed=50)
    pod.restart_container("app")
    assert [one.exit_code is None for one in pod.container("app").attempts] == [False, True]
    assert pod.container("app").restarts == 1
    pod.kill_sandbox()

    def ran_again(status: Status) -> bool:
        return len(pod.init("migrate").attempts) == 2 and status.is_ready

    pod.wait_for(ran_again, timeout=120)
    assert "SandboxChanged" in [event.reason for event in pod.events()]
    assert [one.number for one in pod.init("migrate").attempts] == [0, 1]


def test_a_port_is_reached_through_the_sandbox_where_the_pods_address_is_not(runner: Runner) -> None:
    runner.__dict__["reach"] = Reach(runner.engine, direct=False)
    pod = runner.run(named(WEB), timeout=120)
    address = pod.port("http")
    assert address.host == "127.0.0.1"
    for _ in range(3):
        with urllib.request.urlopen(f"http://{address}/done") as answer:
            assert answer.read() == b"migrated\n"


def test_logs_can_be_followed_to_their_end(runner: Runner) -> None:
    commands = {"check": ["true"], "app": ["sh", "-c", "echo a; sleep 1; echo b"]}
    pod = runner.run(named(FAILS), commands=commands, timeout=120)
    assert list(pod.container("app").logs(follow=True)) == ["a", "b"]
    assert pod.wait_for("completed", timeout=120).phase == "Succeeded"
    assert pod.container("app").logs(tail=1) == "b\n"


def test_a_pod_that_fails_tells_why_and_leaves_nothing(runner: Runner, docker_engine: DockerEngine) -> None:
    with pytest.raises(PodFailed) as caught:
        runner.run(named(FAILS), timeout=120)
    text, pod = str(caught.value), caught.value.pod
    assert "Init:Error" in text
    assert "Logs of check, attempt 0:\n  no luck" in text
    assert "Normal  Scheduled  Successfully assigned" in text
    assert pod is not None
    assert pod.init("check").attempts[0].exit_code == 3  # type: ignore[attr-defined]
    assert left(docker_engine, pod.uid) == 0  # type: ignore[attr-defined]


def test_a_wait_that_is_in_vain_says_what_it_saw_last(runner: Runner) -> None:
    pod = runner.run(named(WEB), timeout=120)
    with pytest.raises(WaitTimeout, match=r"is not completed after 0.2 s: Running\n\nNAME"):
        pod.wait_for("completed", timeout=0.2)
    with pytest.raises(UsageError, match="'redy' is nothing to wait for"):
        pod.wait_for("redy")
    with pytest.raises(WaitTimeout, match=r"timed out waiting for ready: .* is (Init:|ErrImagePull|ImagePullBackOff)"):
        runner.run(named(FAILS), images={"check": "busybox:nosuch"}, timeout="1s", fail_fast=False)
    with pytest.raises(PodFailed, match=r"cannot get there: container check: ErrImagePull: .*\n\nNAME"):
        runner.run(named(FAILS), images={"check": "busybox:nosuch"}, timeout=120, max_restarts=0)
    pod.delete(grace=0)
    with pytest.raises(PodFailed, match="is deleted and cannot be Ready any more"):
        pod.wait_for("Ready", timeout=120)


def test_what_does_not_exist_is_told_so(runner: Runner) -> None:
    pod = runner.run(named(WEB), timeout=120)
    with pytest.raises(UsageError, match="container nosuch is not valid for pod"):
        pod.container("nosuch")
    with pytest.raises(UsageError, match="no init container"):
        pod.init("app")
    with pytest.raises(UsageError, match=r"no container of pod .* has a port named nosuch"):
        pod.port("nosuch")
    with pytest.raises(UsageError, match="does not run"):
        pod.init("migrate").exec(["true"])
    with pytest.raises(WaitTimeout, match="'sleep 9' in container app"):
        pod.exec(["sleep", "9"], timeout=0.5)
    with pytest.raises(UsageError, match="one of initialized, ready, completed"):
        runner.run(named(WEB), until="redy")


def test_a_port_of_the_machine_that_is_taken_is_tried_again_after_a_while(runner: Runner) -> None:
    """And not at once, again and again, woken by the remains of the attempt before."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = f"hostIP: 127.0.0.1, hostPort: {taken.getsockname()[1]}"
        with pytest.raises(WaitTimeout) as caught:
            runner.run(
                named(WEB).replace("containerPort: 8080", f"containerPort: 8080, {port}"), timeout=4, fail_fast=False
            )
    events = [event for event in caught.value.pod.events() if event.reason == "FailedCreatePodSandBox"]  # type: ignore[attr-defined]
    assert [event.count for event in events] == [1]


def test_several_pods_from_several_threads(runner: Runner, docker_engine: DockerEngine) -> None:
    names: list[str] = []
    problems: list[BaseException] = []

    def run() -> None:
        try:
            names.append(runner.run(named(WEB), timeout=120).name)
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    pods: Any = runner.run_all(named(WEB), named(WEB), timeout=120)
    assert len(pods) == 2
    assert {pod.name for pod in runner.pods} == {*names, *(pod.name for pod in pods)}
    before = runner.pods
    with pytest.raises(UsageError, match="run is for one pod, the manifests make 2"):
        runner.run(named(WEB), named(WEB), timeout=120)
    assert runner.pods == before
    everything = runner.pods
    assert len(everything) == 5
    runner.close()
    assert [left(docker_engine, pod.uid) for pod in everything] == [0] * 5


def test_a_deployments_pods_are_replaced_in_the_background(runner: Runner) -> None:
    name = f"web-{uuid.uuid4().hex[:6]}"
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {
                    "terminationGracePeriodSeconds": 0,
                    "containers": [{"name": "app", "image": "busybox:1.36", "command": ["sleep", "3600"]}],
                },
            },
        },
    }
    first, second = runner.run_all(deployment, timeout=120)
    first.delete(grace=0, timeout=120)
    second.history.wait(lambda: len(runner.pods) == 2 and all(pod.status.is_ready for pod in runner.pods), 0.1)
    from tests.e2e.support import until

    until(lambda: len(runner.pods) == 2 and all(pod.status.is_ready for pod in runner.pods), "another pod")
    assert first.name not in [pod.name for pod in runner.pods]


SAYS = """\
{apiVersion: v1, kind: Pod, metadata: {name: NAME}, spec: {restartPolicy: Never, terminationGracePeriodSeconds: 0, containers: [
  {name: app, image: "busybox:1.36", ports: [{name: web, containerPort: 8080}], command: [sh, -c,
    "mkdir /w; echo starting; sleep 1; echo hello > /w/index.html; echo listening on 8080; httpd -p 8080 -h /w;
    until [ -e /w/stop ]; do sleep 1; done; exit 3"]},
  {name: other, image: "busybox:1.36", command: [echo, nothing to do]}]}}
"""


def test_a_program_waits_for_what_containers_say(runner: Runner) -> None:
    """A line, from the beginning or later, and an HTTP answer; what does not come is told with what came last."""
    pod = runner.run(named(SAYS), until="initialized", timeout=120)
    assert pod.wait_for_log(r"^listening on (\d+)$", timeout=120)[1] == "8080"
    assert pod.wait_for_http("/", "web", timeout=120) == 200
    assert pod.wait_for_http("nosuch", 8080, status=404) == 404
    with pytest.raises(WaitTimeout, match=r"is not answered as it should be after 0\.3 s; the answer was 404"):
        pod.wait_for_http("/nosuch", "web", timeout=0.3)
    pod.wait_for_log("nothing to do", container="other")
    with pytest.raises(WaitTimeout, match=r"has not printed 'more' after 0\.3 s; its last lines:\nnothing to do"):
        pod.wait_for_log("more", container="other", timeout=0.3)
    pod.exec(["touch", "/w/stop"])
    with pytest.raises(PodFailed, match=r"has not printed 'more', and pod \S+ is Failed; its last lines:\nstarting"):
        pod.wait_for_log("more", timeout=120)

"""Probes and hooks in real containers, from here and through the sandbox."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from runner.clock import Deadline
from runner.core.container.containerconfig import ContainerConfig
from runner.core.model import Container, ExecAction, Handler, HTTPGetAction, Pod, TCPSocketAction
from runner.core.sync.probing import ProbeRun, RunResult
from runner.engine.docker import DockerEngine
from runner.errors import EngineConflict, NotFound
from runner.kubelet.prober.handlers import EngineHandlers, Reach, Target
from runner.sandbox.image import sandbox_image
from tests.conftest import have_images, require_engine

PATIENT = 60
"""Seconds of a time-out that is not to pass, however busy the machine is."""

pytestmark = pytest.mark.docker

DEADLINE = 20.0
SERVER = """
mkdir -p /www/cgi-bin
printf 'fine' > /www/healthz
printf '#!/bin/sh\\nprintf "Status: 302 Found\\\\r\\\\nLocation: /healthz\\\\r\\\\n\\\\r\\\\n"\\n' > /www/cgi-bin/near
printf '#!/bin/sh\\nprintf "Status: 302 Found\\\\r\\\\nLocation: http://0.0.0.0/\\\\r\\\\n\\\\r\\\\n"\\n' > /www/cgi-bin/far
printf '#!/bin/sh\\nsleep 5\\n' > /www/cgi-bin/slow
chmod +x /www/cgi-bin/*
exec httpd -f -p 8080 -h /www
"""


@pytest.fixture(scope="module")
def engine() -> Iterator[DockerEngine]:
    address = require_engine()
    made = DockerEngine(address.url, tls=address.tls)
    have_images(made)
    yield made
    made.close()


@pytest.fixture(scope="module")
def pod(engine: DockerEngine) -> Iterator[Target]:
    """A sandbox with a web server in a container beside it."""
    image = sandbox_image(engine.info().arch)
    engine.load_image(image.archive)
    unique = uuid.uuid4().hex[:8]
    labels = {f"dev.podrunner.test/{unique}": "handlers"}
    sandbox = engine.create_container(
        ContainerConfig(name=f"handlers-{unique}-pod", image=image.reference, labels=labels)
    )
    made = [sandbox]
    try:
        engine.start_container(sandbox)
        server = engine.create_container(
            ContainerConfig(
                name=f"handlers-{unique}-web",
                image="busybox:1.36",
                labels=labels,
                command=("sh", "-c", SERVER),
                network_mode=f"container:{sandbox}",
            )
        )
        made.append(server)
        engine.start_container(server)
        manifest = {
            "metadata": {"name": "p", "namespace": "ns", "uid": "u"},
            "spec": {
                "containers": [
                    {
                        "name": "web",
                        "image": "busybox:1.36",
                        "ports": [{"name": "http", "containerPort": 8080}],
                        "env": [{"name": "WORD", "value": "hello"}],
                    }
                ]
            },
        }
        value = Pod.from_json(manifest)
        web: Container = value.containers[0]
        ip = engine.inspect_container(sandbox).ip
        target = Target(pod=value, container=web, container_id=server, sandbox_id=sandbox, pod_ip=ip)
        deadline = Deadline(DEADLINE)
        while engine.exec(sandbox, ["/pause", "check", ip, "8080", "5"], timeout=10, limit=100).exit_code != 0:
            assert deadline.remaining() != 0, "the web server does not listen"
        yield target
    finally:
        for container in reversed(made):
            engine.remove_container(container)


@pytest.fixture(params=[True, False], ids=["direct", "relayed"])
def handlers(request: pytest.FixtureRequest, engine: DockerEngine) -> EngineHandlers:
    return EngineHandlers(engine, Reach(engine, direct=request.param))


def http(path: str, port: int | str = "http", host: str = "") -> HTTPGetAction:
    return HTTPGetAction(path=path, port=port, host=host, scheme="HTTP", headers=())


@pytest.mark.parametrize(
    ("handler", "result", "output"),
    [
        (http("/healthz"), RunResult.SUCCESS, "fine"),
        (http("/cgi-bin/near"), RunResult.SUCCESS, "fine"),
        (http("/cgi-bin/far"), RunResult.WARNING, "Probe terminated redirects, Response body: "),
        (http("/nothing"), RunResult.FAILURE, "HTTP probe failed with statuscode: 404"),
        (
            http("/cgi-bin/slow", 8080),
            RunResult.FAILURE,
            'Get "http://IP:8080/cgi-bin/slow": '
            "context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
        ),
        (
            http("/healthz", 81),
            RunResult.FAILURE,
            'Get "http://IP:81/healthz": dial tcp IP:81: connect: connection refused',
        ),
        (TCPSocketAction(port="http", host=""), RunResult.SUCCESS, ""),
        (TCPSocketAction(port=81, host=""), RunResult.FAILURE, "dial tcp IP:81: connect: connection refused"),
    ],
)
def test_pod_is_probed_alike_on_both_ways(
    handlers: EngineHandlers, pod: Target, handler: Handler, result: RunResult, output: str
) -> None:
    run = handlers.probe(pod, handler, timeout=1 if "deadline" in output else PATIENT)
    assert run == ProbeRun(result=result, output=output.replace("IP", pod.pod_ip))


@pytest.mark.parametrize(
    ("command", "result", "output"),
    [
        (("echo", "$(WORD)"), RunResult.SUCCESS, "hello\n"),
        (("cat", "/tmp/ok"), RunResult.FAILURE, "cat: can't open '/tmp/ok': No such file or directory\n"),
        (("sleep", "9"), RunResult.FAILURE, 'command timed out: "sleep 9" timed out after 1s'),
    ],
)
def test_command_probes_the_container(
    handlers: EngineHandlers, pod: Target, command: tuple[str, ...], result: RunResult, output: str
) -> None:
    run = handlers.probe(pod, ExecAction(command=command), timeout=1 if "timed out" in output else PATIENT)
    assert run == ProbeRun(result=result, output=output)


def test_command_that_is_not_there_does_not_count(handlers: EngineHandlers, pod: Target) -> None:
    run = handlers.probe(pod, ExecAction(command=("nope",)), timeout=5)
    assert run.result is RunResult.ERROR
    assert 'exec: "nope": executable file not found in $PATH' in run.output


def test_hooks_run_and_fail_with_the_kubelets_text(handlers: EngineHandlers, pod: Target) -> None:
    assert handlers.hook(pod, http("/nothing"), timeout=None).ok, "any status will do"
    assert handlers.hook(pod, ExecAction(command=("touch", "/tmp/hooked")), timeout=None).ok
    outcome = handlers.hook(pod, ExecAction(command=("sh", "-c", "echo no >&2; exit 4")), timeout=None)
    assert outcome.message == (
        'Exec lifecycle hook ([sh -c echo no >&2; exit 4]) for Container "web" in Pod "p_ns(u)" failed - '
        "error: command 'sh -c echo no >&2; exit 4' exited with 4: no\n, message: \"no\\n\""
    )


def test_many_probes_at_once_do_not_disturb_each_other(handlers: EngineHandlers, pod: Target) -> None:
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda _: handlers.probe(pod, http("/healthz"), timeout=10), range(24)))
    assert runs == [ProbeRun(result=RunResult.SUCCESS, output="fine")] * 24
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("podrunner-relay")]
    assert left == []


def test_way_that_is_found_leads_to_the_pod(engine: DockerEngine, pod: Target) -> None:
    """Whichever it is; that depends on where the Engine runs."""
    assert EngineHandlers(engine).probe(pod, http("/healthz"), timeout=10).output == "fine"


def test_open_exec_carries_both_directions_and_tells_errors_apart(engine: DockerEngine, pod: Target) -> None:
    stream = engine.exec_stream(pod.container_id, ["sh", "-c", "echo bad >&2; exec cat"])
    try:
        sent = b"x" * 200_000

        def write() -> None:
            stream.write(sent)
            stream.end_input()

        writer = threading.Thread(target=write)
        writer.start()
        received = b"".join(iter(lambda: stream.read(65536), b""))
        writer.join(DEADLINE)
        assert received == sent
        assert stream.errors == b"bad\n"
    finally:
        stream.close()


def test_closing_an_open_exec_wakes_its_reader(engine: DockerEngine, pod: Target) -> None:
    stream = engine.exec_stream(pod.container_id, ["cat"])
    ended = threading.Event()

    def wait() -> None:
        while stream.read(10):
            pass
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    stream.write(b"awake?")
    stream.close()
    assert ended.wait(DEADLINE)


def test_open_exec_needs_a_running_container(engine: DockerEngine, pod: Target) -> None:
    with pytest.raises(NotFound):
        engine.exec_stream("no-such-container", ["true"])
    name = f"handlers-{uuid.uuid4().hex[:8]}"
    stopped = engine.create_container(ContainerConfig(name=name, image="busybox:1.36", labels={}))
    try:
        with pytest.raises(EngineConflict):
            engine.exec_stream(stopped, ["true"])
    finally:
        engine.remove_container(stopped)

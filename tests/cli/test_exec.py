"""exec, shell and attach: which container, what is refused, and what is said."""

from __future__ import annotations

import pytest

from runner.client.executing import NoSession, open_session
from runner.clock import VirtualClock
from runner.core.container.containerconfig import ContainerConfig
from runner.core.labels import CONTAINER_NAME, DOCKER_TYPE, POD_UID, TYPE_CONTAINER
from runner.core.model import Object
from runner.engine.protocol import Engine
from runner.engine.simulated import ContainerScript, ExecStep, Script, SimulatedEngine
from runner.errors import UsageError
from tests.cli.support import START, CommandLine, pod, put_pod

IMAGE = "busybox:1.36"

REFUSED = [
    ("exec", 2, "error: pod, type/name or --filename must be specified"),
    ("exec web", 2, "error: you must specify at least one command for the container"),
    ("exec web --", 2, "error: you must specify at least one command for the container"),
    ("exec -- ls", 2, "error: pod, type/name or --filename must be specified"),
    ("exec web ls", 2, "error: exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead"),
    ("exec web other -- ls", 2, "error: one pod at a time"),
    ("exec nope -- ls", 1, 'Error from server (NotFound): pods "nope" not found'),
    ("exec svc/nope -- ls", 1, 'Error from server (NotFound): services "nope" not found'),
    ("exec cm/nope -- ls", 1, 'Error from server (NotFound): configmaps "nope" not found'),
    ("exec what/web -- ls", 2, 'error: the server doesn\'t have a resource type "what"'),
    ("shell nope", 1, 'Error from server (NotFound): pods "nope" not found'),
    ("attach nope", 1, 'Error from server (NotFound): pods "nope" not found'),
]


@pytest.mark.parametrize(("words", "code", "message"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_cannot_be_is_refused_in_kubectls_words(words: str, code: int, message: str) -> None:
    podrunner = CommandLine()
    put_pod(podrunner.runner.store, pod("web"))
    done = podrunner(*words.split())
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith(message), done.err


def _engine(value: Object, script: ContainerScript) -> Engine:
    engine = SimulatedEngine(VirtualClock(START), Script(default=script, images={}))
    name = str(value["spec"]["containers"][0]["name"])
    labels = {POD_UID: str(value["metadata"]["uid"]), DOCKER_TYPE: TYPE_CONTAINER, CONTAINER_NAME: name}
    engine.pull_image(IMAGE, auth=None, on_progress=lambda _: None)
    made = engine.create_container(ContainerConfig(name="one", image=IMAGE, labels=labels))
    engine.start_container(made)
    return engine


def test_the_first_container_is_taken_and_named() -> None:
    value, told = pod("web"), list[str]()
    first = str(value["spec"]["containers"][0]["name"])
    engine = _engine(value, ContainerScript(execs=(ExecStep(command=("date",), output=b"now\n", exit_code=3),)))
    session = open_session(engine, value, "", ("date",), told.append, tty=False)
    assert session.frame() == ("stdout", b"now\n")
    assert session.frame()[1] == b""
    assert session.exit_code() == 3
    assert told[0].startswith(f'Defaulted container "{first}" out of: {first}')


def test_a_container_that_is_none_or_does_not_run_is_told() -> None:
    value = pod("web")
    engine = _engine(value, ContainerScript())
    init = str(value["spec"]["initContainers"][0]["name"])
    with pytest.raises(UsageError, match="container nope is not valid for pod web out of: "):
        open_session(engine, value, "nope", ("date",), print, tty=False)
    with pytest.raises(NoSession, match=f'unable to upgrade connection: container not found \\("{init}"\\)') as caught:
        open_session(engine, value, init, ("date",), print, tty=False)
    assert "it has ended with exit code 0" in caught.value.hint


@pytest.mark.parametrize(("command", "verb"), [(("ls",), "exec into"), (None, "attach")])
def test_a_pod_that_is_over_cannot_be_entered(command: tuple[str, ...] | None, verb: str) -> None:
    value = pod("web", phase="Succeeded")
    engine = _engine(value, ContainerScript())
    text = f"cannot {verb} a container in a completed pod; current phase is Succeeded"
    with pytest.raises(NoSession, match=text):
        open_session(engine, value, "", command, print, tty=False)

"""debug: what is refused before anything is made, and what the hints say."""

from __future__ import annotations

import pytest

from tests.cli.support import CommandLine, pod, put_pod

ROWS = [
    ("--target main", 2, "error: you must specify --image", "podrunner debug web --target main --image busybox"),
    ("--target main --image a --attempt 1", 2, "error: --attempt is about a copy: it does not go with --target", ""),
    ("--target main --image a --rerun", 2, "error: --rerun is about a copy: it does not go with --target", ""),
    ("-c main --rerun -- sh", 2, "error: --rerun runs the attempt's own command in its own image", "-c main -- CMD"),
    ("-c main --rerun --image a", 2, "error: --rerun runs the attempt's own command in its own image", ""),
    ("-c main --env A=1", 2, "error: --env goes with --target", ""),
    ("-c main --arguments-only -- a", 2, "error: --arguments-only goes with --target", ""),
    ("--target main --image a --env A", 2, 'error: "A" is no NAME=VALUE', ""),
    ("--target main --image a --image-pull-policy Maybe", 2, "error: invalid image pull policy: Maybe", ""),
    ("--target main --image a --profile nope", 2, "error: Invalid value for '--profile'", ""),
    ("-c main --attempt -1", 2, "error: Invalid value for '--attempt'", ""),
    ("-c main --attempt two", 2, "error: Invalid value for '--attempt'", ""),
]


@pytest.mark.parametrize(("words", "code", "message", "hint"), ROWS, ids=[row[0] for row in ROWS])
def test_what_does_not_fit_together_is_refused(words: str, code: int, message: str, hint: str) -> None:
    podrunner = CommandLine()
    put_pod(podrunner.runner.store, pod("web"))
    done = podrunner("debug", "web", *words.split())
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith(message), done.err
    assert hint in done.err


def test_a_pod_that_is_not_there_is_said_as_kubectl_does() -> None:
    done = CommandLine()("debug", "nope")
    assert (done.code, done.out, done.err) == (1, "", 'Error from server (NotFound): pods "nope" not found\n')


def test_the_pod_may_be_named_with_its_kind() -> None:
    podrunner = CommandLine()
    put_pod(podrunner.runner.store, pod("web"))
    assert "you must specify --image" in podrunner("debug", "pod/web", "--target", "main").err
    assert 'the server doesn\'t have a resource type "deploy"' in podrunner("debug", "deploy/web").err

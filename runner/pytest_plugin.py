"""What the pytest plugin does when a test asks for a pod. Its doorstep, which pytest loads, is ``podrunner_plugin.py``."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from podrunner_plugin import note_kept, setting

if TYPE_CHECKING:
    from runner.api.facade import Runner
    from runner.api.options import RunOptions
    from runner.api.pods import PodHandle
    from runner.api.types import Engine
    from runner.core.narration import Narration

__all__ = ["setting"]

DEFAULT_GRACE = 1
"""Seconds: a pod that is not needed any more is not worth a wait. A test that wants one calls ``pod.delete``."""
DEFAULT_TIMEOUT = 60.0
"""Seconds that the marker waits unless told otherwise."""

log = logging.getLogger("podrunner")

_Pods = tuple["PodHandle", ...]
_runners: pytest.StashKey[list[Runner]] = pytest.StashKey()
_marked: pytest.StashKey[dict[tuple[int, str], _Pods]] = pytest.StashKey()
_failed = pytest.StashKey[bool]()
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class _AsTheyAre:
    """Finds our own modules before pytest does, which compiles all modules of a package with a plugin in its own way.

    That is for asserts that tests are to see, ours are not; where no bytecode is kept it takes as long as a pod does to start.
    """

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        return PathFinder.find_spec(name, path, target) if name.startswith("runner.") else None


# --- fixtures ------------------------------------------------------------------------------------------------------------


def engine(config: pytest.Config) -> Iterator[Engine]:
    """The session's Engine, and a sweep of what earlier sessions left. Skips or fails the test where none answers."""
    if _AsTheyAre not in sys.meta_path:
        sys.meta_path.insert(0, _AsTheyAre)
    from runner.api.facade import Runner
    from runner.errors import EngineUnavailable

    finder, problem = Runner(), None
    try:
        finder.engine.architecture()
    except EngineUnavailable as error:
        problem = error  # Told of outside, or pytest shows both errors.
    if problem is not None:
        text = f"podrunner: {problem.message}"
        if setting(config, "require_engine"):
            pytest.fail(f"{text}\n{problem.hint}".rstrip(), pytrace=False)
        pytest.skip(f"{text} (podrunner doctor tells more)")
    # What earlier sessions left behind that came to a sudden end.
    finder.sweep_aside()
    yield finder.engine
    finder.release()


def options(config: pytest.Config, name: str) -> RunOptions:
    """How the settings say that pods are run; ``name`` is where their artifacts go."""
    from runner.api.options import Keep, RunOptions, WorkerOptions

    artifacts, grace = setting(config, "artifacts"), setting(config, "grace")
    return RunOptions(
        worker=WorkerOptions(speed=setting(config, "speed") or 1.0),
        keep=Keep(setting(config, "keep") or "never"),
        artifacts=None if artifacts is None else Path(artifacts) / (_UNSAFE.sub("_", name) or "session"),
        grace=DEFAULT_GRACE if grace is None else grace,
    )


def runner(
    engine: Engine, options: RunOptions, overrides: dict[str, Any], namespace: str, node: Any
) -> Iterator[Runner]:
    """A Runner in a namespace of its own, for a test or what holds tests; at the end its pods go, and the namespace."""
    from runner.api.facade import Runner

    path = getattr(node, "path", None)
    folder = None if path is None else path if path.is_dir() else path.parent
    if "PYTEST_XDIST_WORKER" in os.environ:
        overrides = {"host_ports": False, **overrides}  # The same port cannot be had twice.
    made = Runner(
        engine=engine, namespace=namespace, options=options, overrides=overrides, folder=folder, listener=_tell
    )
    made.own_namespace(namespace)
    node.stash.setdefault(_runners, []).append(made)
    try:
        yield made
    finally:
        for pod in made.pods if isinstance(node, pytest.Item) else ():
            node.user_properties.append((f"podrunner:{pod.namespace}/{pod.name}", _outcome(pod)))
        try:
            made.close(failed=node.stash.get(_failed, False))
        finally:
            node.stash[_runners].remove(made)
            _end_namespace(made, namespace, node.config)
            made.release()


def _tell(narration: Narration) -> None:
    """Events go to the log, so that a user who waits sees what for (``--log-cli-level=INFO``)."""
    from runner.core.narration import EventRecorded

    if isinstance(narration, EventRecorded) and log.isEnabledFor(logging.INFO):
        event = narration.event
        container = event["involvedObject"].get("fieldPath", "").partition("{")[2].rstrip("}")
        about = f"{container}: " if container else ""
        log.info("%s %s %s  %s%s", narration.ref.name, event["type"], event["reason"], about, event["message"])


def marked_pods(runner: Runner, test: pytest.Item, *, is_one: bool) -> _Pods:
    """The pods of a test's marker; those of an equal marker that the runner has already, if they are still there.

    Fails the test with the reason alone: where it came from is the marker, not our code.
    """
    from runner.errors import RunnerError

    marker = test.get_closest_marker("pod")
    if marker is None or not marker.args:
        pytest.fail('the fixture pod needs a marker: @pytest.mark.pod("pod.yaml")', pytrace=False)
    known = test.session.stash.setdefault(_marked, {})
    key = (id(runner), repr((marker.args, sorted(marker.kwargs.items()), is_one)))
    found = known.get(key, ())
    if found and not any(pod.is_gone for pod in found):
        return found
    given = {"timeout": setting(test.config, "timeout") or DEFAULT_TIMEOUT, **marker.kwargs}
    run: Callable[..., Any] = runner.run if is_one else runner.run_all
    try:
        begun = run(*marker.args, **given)
        known[key] = (begun,) if is_one else begun
        return known[key]
    except RunnerError as error:
        reason = "\n".join(part for part in (str(error), error.hint) if part)
    pytest.fail(reason, pytrace=False)


def _outcome(pod: PodHandle) -> str:
    return f"{pod.status}, {pod.status.restarts} restarts"


def _end_namespace(runner: Runner, namespace: str, config: pytest.Config) -> None:
    """Remove the namespace with its claims, unless pods have been kept in it."""
    from runner.errors import EngineError

    kept = [f"{namespace}/{value['metadata']['name']}" for value in runner.client.list("Pod", namespace).items]
    if kept:
        note_kept(config, kept)
        return
    try:
        runner.remove_namespace(namespace)
    except EngineError:
        return  # Its process is dead soon, and the next session sweeps.


# --- reports -------------------------------------------------------------------------------------------------------------


def tell_pods(item: pytest.Item, report: pytest.TestReport) -> None:
    """What the pods of a failed test look like; those of its class, module and session too.

    It stands in what failed, not beside it, so that JUnit files have it too.
    """
    for node in item.listchain():
        node.stash[_failed] = True
        for runner in node.stash.get(_runners, []):
            for pod in runner.pods:
                name = f"pod {pod.namespace}/{pod.name}"
                _add(report, f"podrunner: {name}", pod.report())
                if pod.decision:
                    _add(report, f"podrunner: last decision about {name}", pod.decision)


def _add(report: pytest.TestReport, title: str, text: str) -> None:
    add = getattr(report.longrepr, "addsection", None)
    if add is None:
        report.sections.append((title, text))
    else:
        add(title, text)

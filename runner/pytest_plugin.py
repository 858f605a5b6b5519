"""The pytest plugin: pods from manifests as fixtures.

``@pytest.mark.pod("pod.yaml", until="ready", timeout=60)`` with the fixture ``pod``, or the fixture ``podrunner`` and its
``run``. It does nothing and imports nothing heavy until a test asks for one of its fixtures.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Generator, Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from runner import PodHandle, Runner, RunOptions
    from runner.engine.protocol import Engine

SCOPES = ("function", "class", "module", "package", "session")
KEEP = ("never", "failed", "always")
DEFAULT_GRACE = 1
"""Seconds: nobody wants to wait for a pod that nobody needs any more. A test that does calls ``pod.delete``."""
DEFAULT_TIMEOUT = 60.0
"""Seconds that the marker waits unless told otherwise."""

_runners: pytest.StashKey[list[Runner]] = pytest.StashKey()
_failed = pytest.StashKey[bool]()
_kept = pytest.StashKey[list[str]]()
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


# --- options -------------------------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("podrunner", "pods from Kubernetes manifests on a Docker Engine")
    for name, kind, text in _SETTINGS:
        flag = f"--podrunner-{name.replace('_', '-')}"
        if kind is bool:
            group.addoption(flag, action="store_true", default=None, help=text)
            parser.addini(f"podrunner_{name}", text, type="bool", default=None)
        else:
            choices = {"keep": KEEP, "scope": SCOPES}.get(name)
            group.addoption(flag, type=kind, choices=choices, default=None, help=text)
            parser.addini(f"podrunner_{name}", text, type="string", default=None)


_SETTINGS: tuple[tuple[str, type, str], ...] = (
    ("keep", str, "when pods stay after their test: never, failed or always (default never)"),
    ("artifacts", str, "write statuses, events and logs of the pods below this directory"),
    ("require_engine", bool, "fail where no Docker Engine answers, instead of skipping"),
    ("speed", float, "restart and pull back-off pass so many times faster (default 1)"),
    ("scope", str, "how long the pods of the fixtures podrunner and pod live (default function)"),
    (
        "grace",
        int,
        "seconds between SIGTERM and SIGKILL when pods are deleted after their test (default 1; 0: kill at once)",
    ),
    ("timeout", float, "seconds that a marked pod is waited for (default 60)"),
)


def setting(config: pytest.Config, name: str) -> Any:
    """A setting by its flag, else by ``$PODRUNNER_<NAME>``, else by the ini file; None where nobody has set it."""
    given = config.getoption(f"podrunner_{name}", None)
    if given is not None:
        return given
    text = os.environ.get(f"PODRUNNER_{name.upper()}", "")
    value: Any = text or config.getini(f"podrunner_{name}") or None
    if value is None or isinstance(value, bool):
        return value
    kind = next(kind for known, kind, _ in _SETTINGS if known == name)
    if kind is bool:
        return value.lower() in ("1", "true", "yes", "on")
    choices = {"keep": KEEP, "scope": SCOPES}.get(name)
    try:
        if choices is not None and value not in choices:
            raise ValueError(f"one of {', '.join(choices)}")
        return kind(value)
    except ValueError as problem:
        raise pytest.UsageError(f"podrunner_{name}={value!r}: {problem}") from None


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "pod(*manifests, until='ready', timeout=60, **changes): the pod of the fixture `pod`; all arguments are those of"
        " runner.Runner.run, and relative paths are also looked for beside the test's file",
    )


def _scope(fixture_name: str, config: pytest.Config) -> Any:  # noqa: ARG001 - pytest calls it by keyword
    return setting(config, "scope") or "function"


class _AsTheyAre:
    """Finds our own modules before pytest does, which compiles all modules of a package with a plugin in its own way.

    That is for asserts that tests are to see, ours are not; where no bytecode is kept it takes as long as a pod does to start.
    """

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        return PathFinder.find_spec(name, path, target) if name.startswith("runner.") else None


# --- fixtures ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def podrunner_engine(pytestconfig: pytest.Config) -> Iterator[Engine]:
    """The Docker Engine of the session. Where none answers the test is skipped, or fails if an Engine is required."""
    if _AsTheyAre not in sys.meta_path:
        sys.meta_path.insert(0, _AsTheyAre)
    from runner.api.facade import Runner
    from runner.errors import EngineUnavailable

    finder = Runner()
    try:
        engine = finder.engine
        engine.architecture()
    except EngineUnavailable as problem:
        text = f"podrunner: {problem.message}"
        if setting(pytestconfig, "require_engine"):
            pytest.fail(f"{text}\n{problem.hint}".rstrip(), pytrace=False)
        pytest.skip(f"{text} (podrunner doctor tells more)")
    # What earlier sessions left behind that came to a sudden end.
    sweep = finder.sweep_aside()
    yield engine
    sweep.join()
    finder.release()


@pytest.fixture(scope=_scope)
def podrunner_options(pytestconfig: pytest.Config, request: pytest.FixtureRequest) -> RunOptions:
    """How pods are run: override it to change what the flags and settings say."""
    return _options(pytestconfig, request.node.nodeid)


def _options(config: pytest.Config, name: str) -> RunOptions:
    from runner.runtime.options import Keep, RunOptions, WorkerOptions

    artifacts, grace = setting(config, "artifacts"), setting(config, "grace")
    return RunOptions(
        worker=WorkerOptions(speed=setting(config, "speed") or 1.0),
        keep=Keep(setting(config, "keep") or "never"),
        artifacts=None if artifacts is None else Path(artifacts) / (_UNSAFE.sub("_", name) or "session"),
        grace=DEFAULT_GRACE if grace is None else grace,
    )


@pytest.fixture(scope=_scope)
def podrunner_overrides() -> dict[str, Any]:
    """What is different from the manifests in every pod (``images``, ``commands``, ``env``, ``config``): override it."""
    return {}


@pytest.fixture(scope=_scope)
def podrunner_namespace() -> str:
    """The namespace of pods whose manifests name none: one that nobody else has, so that tests can run side by side."""
    return f"test-{os.urandom(5).hex()}"


@pytest.fixture(scope=_scope)
def podrunner(
    podrunner_engine: Engine,
    podrunner_options: RunOptions,
    podrunner_overrides: dict[str, Any],
    podrunner_namespace: str,
    request: pytest.FixtureRequest,
) -> Iterator[Runner]:
    """A ``runner.Runner``: what it runs is deleted after the test (or class, module …, see ``--podrunner-scope``)."""
    yield from _runner(podrunner_engine, podrunner_options, podrunner_overrides, podrunner_namespace, request)


@pytest.fixture(scope="session")
def podrunner_session(podrunner_engine: Engine, request: pytest.FixtureRequest) -> Iterator[Runner]:
    """The same for the whole session, whatever the scope of ``podrunner``: for fixtures of wider scopes."""
    options = _options(request.config, "session")
    yield from _runner(podrunner_engine, options, {}, f"test-{os.urandom(5).hex()}", request)


@pytest.fixture(scope=_scope)
def pod(podrunner: Runner, request: pytest.FixtureRequest) -> PodHandle:
    """The pod of the marker ``pod``, as far as the marker waits."""
    __tracebackhide__ = True
    marker = request.node.get_closest_marker("pod")
    if marker is None or not marker.args:
        raise pytest.UsageError('the fixture pod needs a marker: @pytest.mark.pod("pod.yaml")')
    given = {"timeout": setting(request.config, "timeout") or DEFAULT_TIMEOUT, **marker.kwargs}
    return podrunner.run(*marker.args, **given)


def _runner(
    engine: Engine, options: RunOptions, overrides: dict[str, Any], namespace: str, request: pytest.FixtureRequest
) -> Iterator[Runner]:
    from runner.api.facade import Runner

    path = getattr(request.node, "path", None)
    folder = None if path is None else path if path.is_dir() else path.parent
    if "PYTEST_XDIST_WORKER" in os.environ:
        overrides = {"host_ports": False, **overrides}  # The same port cannot be had twice.
    runner = Runner(engine=engine, namespace=namespace, options=options, overrides=overrides, folder=folder)
    runner.own_namespace(namespace)
    stash = request.node.stash
    stash.setdefault(_runners, []).append(runner)
    try:
        yield runner
    finally:
        pods = runner.pods
        for pod in pods:
            if isinstance(request.node, pytest.Item):
                request.node.user_properties.append((f"podrunner:{pod.namespace}/{pod.name}", _outcome(pod)))
        try:
            runner.close(failed=stash.get(_failed, False))
        finally:
            stash[_runners].remove(runner)
            _end_namespace(runner, namespace, request.config)
            runner.release()


def _outcome(pod: PodHandle) -> str:
    return f"{pod.status}, {pod.status.restarts} restarts"


def _end_namespace(runner: Runner, namespace: str, config: pytest.Config) -> None:
    """Remove the namespace with its claims, unless pods have been kept in it."""
    from runner.errors import EngineError

    kept = [f"{namespace}/{value['metadata']['name']}" for value in runner.store.pods(namespace)]
    if kept:
        config.stash.setdefault(_kept, []).extend(kept)
        return
    try:
        runner.remove_namespace(namespace)
    except EngineError:
        return  # Its process is dead soon, and the next session sweeps.


# --- reports -------------------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        _tell_pods(item, report)
    return report


def _tell_pods(item: pytest.Item, report: pytest.TestReport) -> None:
    """What the pods of a failed test look like; those of its class, module and session too."""
    for node in item.listchain():
        node.stash[_failed] = True
        for runner in node.stash.get(_runners, []):
            for pod in runner.pods:
                name = f"pod {pod.namespace}/{pod.name}"
                report.sections.append((f"podrunner: {name}", pod.report()))
                if pod.decision:
                    report.sections.append((f"podrunner: last decision about {name}", pod.decision))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist has no terminal: what it has kept goes to its controller."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["podrunner_kept"] = session.config.stash.get(_kept, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    kept = (getattr(node, "workeroutput", None) or {}).get("podrunner_kept")
    if kept:
        node.config.stash.setdefault(_kept, []).extend(kept)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for name in config.stash.get(_kept, []):
        namespace, _, pod = name.partition("/")
        terminalreporter.write_line(f"podrunner kept pod {name}: podrunner describe po {pod} -n {namespace}")

"""The pytest plugin's doorstep: options, the marker, and fixtures that do nothing until a test asks for one of them.

It stands beside the package ``runner`` and does not import it: a project may have a module or a folder of that name, whose
tests must not notice that podrunner is installed. What is done then stands in ``runner/pytest_plugin.py``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from runner import PodHandle, Runner, RunOptions
    from runner.api.types import Engine

SCOPES = ("function", "class", "module", "package", "session")
KEEP = ("never", "failed", "always")
_OURS = Path(__file__).resolve().parent / "runner" / "__init__.py"
_CHOICES = {"keep": KEEP, "scope": SCOPES}
_SETTINGS: tuple[tuple[str, type, str], ...] = (
    ("keep", str, "when pods stay after their test: never, failed or always (default never)"),
    ("artifacts", str, "write statuses, events and logs of the pods below this directory"),
    ("require_engine", bool, "fail where no Docker Engine answers, instead of skipping"),
    ("speed", float, "restart and pull back-off pass so many times faster (default 1)"),
    ("scope", str, "how long the pods of the fixtures podrunner, pod and pods live (default function)"),
    ("grace", int, "seconds between SIGTERM and SIGKILL when pods are deleted after their test (default 1)"),
    ("timeout", float, "seconds that a marked pod is waited for (default 60)"),
)
_kept = pytest.StashKey[list[str]]()
_work: Any = None
"""The module that does the work, once a test has asked for it."""


def _working() -> Any:
    """Import what does the work. Fails the test, in one sentence, where another ``runner`` is in the way."""
    global _work  # noqa: PLW0603 - what tells the hooks that there is something to do
    if _work is None:
        other = _other_runner()
        if other:
            text = f"podrunner cannot be used here: its package is called runner, and {other} is in the way"
            pytest.fail(f"{text}; rename that, or take it off sys.path", pytrace=False)
        _work = import_module("runner.pytest_plugin")
    return _work


def _other_runner() -> str:
    """Where ``import runner`` leads, if not to podrunner; "" when it does."""
    known = sys.modules.get("runner")
    spec = known.__spec__ if known is not None else find_spec("runner")
    places = [] if spec is None else [spec.origin, *(spec.submodule_search_locations or ())]
    place = next((one for one in places if one), None)
    if place is None:
        return "" if known is None else "a module named runner"
    return "" if Path(place).resolve() == _OURS else str(place)


# --- options -------------------------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("podrunner", "pods from Kubernetes manifests on a Docker Engine")
    for name, kind, text in _SETTINGS:
        flag = f"--podrunner-{name.replace('_', '-')}"
        if kind is bool:
            group.addoption(flag, action="store_true", default=None, help=text)
            parser.addini(f"podrunner_{name}", text, type="bool", default=None)
        else:
            group.addoption(flag, type=kind, choices=_CHOICES.get(name), default=None, help=text)
            parser.addini(f"podrunner_{name}", text, type="string", default=None)


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
    choices = _CHOICES.get(name)
    try:
        if choices is not None and value not in choices:
            raise ValueError(f"one of {', '.join(choices)}")
        return kind(value)
    except ValueError as problem:
        raise pytest.UsageError(f"podrunner_{name}={value!r}: {problem}") from None


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "pod(*manifests, until='ready', timeout=60, **changes): the pod of the fixture `pod`, or those of `pods`; all"
        " arguments are those of runner.Runner.run, and relative paths are also looked for beside the test's file",
    )


def _scope(fixture_name: str, config: pytest.Config) -> Any:  # noqa: ARG001 - pytest calls it by keyword
    return setting(config, "scope") or "function"


# --- fixtures ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def podrunner_engine(pytestconfig: pytest.Config) -> Iterator[Engine]:
    """The Docker Engine of the session. Where none answers the test is skipped, or fails if an Engine is required."""
    yield from _working().engine(pytestconfig)


@pytest.fixture(scope=_scope)
def podrunner_options(pytestconfig: pytest.Config, request: pytest.FixtureRequest) -> RunOptions:
    """How pods are run: override it to change what the flags and settings say."""
    options: RunOptions = _working().options(pytestconfig, request.node.nodeid)
    return options


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
    yield from _working().runner(
        podrunner_engine, podrunner_options, podrunner_overrides, podrunner_namespace, request.node
    )


@pytest.fixture(scope="session")
def podrunner_session(podrunner_engine: Engine, request: pytest.FixtureRequest) -> Iterator[Runner]:
    """The same for the whole session, whatever the scope of ``podrunner``: for fixtures of wider scopes."""
    work = _working()
    namespace = f"test-{os.urandom(5).hex()}"
    yield from work.runner(podrunner_engine, work.options(request.config, "session"), {}, namespace, request.node)


@pytest.fixture
def pod(podrunner: Runner, request: pytest.FixtureRequest) -> PodHandle:
    """The one pod of the marker ``pod``, as far as the marker waits; tests of a wider scope with the same marker share it."""
    found: PodHandle = _working().marked_pods(podrunner, request.node, is_one=True)[0]
    return found


@pytest.fixture
def pods(podrunner: Runner, request: pytest.FixtureRequest) -> tuple[PodHandle, ...]:
    """All pods of the marker ``pod``, in the order of its manifests."""
    found: tuple[PodHandle, ...] = _working().marked_pods(podrunner, request.node, is_one=False)
    return found


# --- reports -------------------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and _work is not None:
        _work.tell_pods(item, report)
    return report


def note_kept(config: pytest.Config, names: list[str]) -> None:
    """Remember pods (``namespace/name``) that stay after the session, for its summary."""
    config.stash.setdefault(_kept, []).extend(names)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist has no terminal: what it has kept goes to its controller."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["podrunner_kept"] = session.config.stash.get(_kept, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    note_kept(node.config, (getattr(node, "workeroutput", None) or {}).get("podrunner_kept") or [])


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for name in config.stash.get(_kept, []):
        namespace, _, kept = name.partition("/")
        terminalreporter.write_line(f"podrunner kept pod {name}: podrunner describe po {kept} -n {namespace}")

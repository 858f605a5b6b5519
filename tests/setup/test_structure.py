"""The shape of the code: no circle of modules, nothing too long, no folder too full."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
PACKAGE = TOP / "runner"
MOST_LINES, MOST_LINES_OF_A_FUNCTION, MOST_MODULES = 500, 60, 24
FULL_FOLDERS = {"cli/commands": "a module a command", "core/manifest/validation": "a module a part of the API"}
"""Folders that may have more modules, with the reason."""
LEFT_OUT = frozenset({"runner"})
"""``runner`` itself only names what is inside it."""


@cache
def modules() -> Mapping[str, Path]:
    """Every module of the package by its dotted name."""
    names = {path: ".".join(path.relative_to(TOP).with_suffix("").parts) for path in PACKAGE.rglob("*.py")}
    return {name.removesuffix(".__init__"): path for path, name in names.items()}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imported(name: str) -> Iterator[str]:
    """The package's modules that a module imports anywhere: at its top, within functions, for types only."""
    for node in ast.walk(tree(modules()[name])):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules())
        elif isinstance(node, ast.ImportFrom) and node.module in modules():
            assert node.module is not None
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in modules() else node.module


def graph() -> Mapping[str, Set[str]]:
    return {name: set(imported(name)) - {name} - LEFT_OUT for name in modules() if name not in LEFT_OUT}


def test_no_modules_import_each_other_in_a_circle_not_even_for_types() -> None:
    try:
        TopologicalSorter(graph()).prepare()
    except CycleError as circle:
        pytest.fail(" <- ".join(circle.args[1]), pytrace=False)


def test_a_circle_of_modules_would_be_found() -> None:
    assert "runner.errors" in graph()["runner.retry"]
    with pytest.raises(CycleError):
        TopologicalSorter({**graph(), "runner.errors": {"runner.retry"}}).prepare()


def test_no_module_and_no_function_is_too_long() -> None:
    long_ones = []
    for path in modules().values():
        place = path.relative_to(TOP)
        lines = path.read_text().count("\n")
        if lines > MOST_LINES and "_data" not in place.parts:
            long_ones.append(f"{place}: {lines} lines")
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > MOST_LINES_OF_A_FUNCTION:
                    long_ones.append(f"{place}:{node.lineno} {node.name}: {length} lines")
    assert long_ones == []


def test_no_folder_has_too_many_modules() -> None:
    folders = {path.parent for path in modules().values()}
    counts = {folder.relative_to(PACKAGE).as_posix(): len([*folder.glob("[!_]*.py")]) for folder in folders}
    full = {folder: count for folder, count in counts.items() if count > MOST_MODULES}
    assert full.keys() <= FULL_FOLDERS.keys(), full


@cache
def all_calls() -> Mapping[str, Sequence[str]]:
    """The modules that call something, by its name, each as often as it does."""
    found: dict[str, list[str]] = {}
    for path in modules().values():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                found.setdefault(name, []).append(path.relative_to(PACKAGE).as_posix())
    return found


def calls(name: str) -> Sequence[str]:
    """The modules, by their place in the package, that call something of this name."""
    return all_calls().get(name, ())


CONTAINERS = {
    "core/container/translate.py": "containers of pods",
    "core/container/sandboxconfig.py": "sandboxes",
    "core/network/proxyconfig.py": "proxies of Services",
    "kubelet/images/imagevolumes.py": "images that give their files to a volume",
    "janitor/doctor.py": "the doctor's look at the network",
}
"""Each kind of container is described in one place."""


def test_what_a_container_is_created_from_is_put_together_in_one_place() -> None:
    assert sorted(calls("ContainerConfig")) == sorted(CONTAINERS)


MADE_AT = {
    "CreateSandbox": "core/sync/decide.py",
    "SandboxCreation": "kubelet/containers/sandbox.py",
    "sandbox_config": "kubelet/containers/sandbox.py",
    "Creator": "kubelet/containers/wiring.py",
    "plan_volumes": "kubelet/volumes/planning.py",
    "messages_plan": "kubelet/volumes/planning.py",
}
"""What is decided, planned or made in one place."""


@pytest.mark.parametrize("what", MADE_AT)
def test_there_is_one_path_on_which_a_pod_is_made(what: str) -> None:
    assert list(calls(what)) == [MADE_AT[what]]


def test_containers_are_created_in_one_place() -> None:
    """Whoever stands around an Engine only hands a call on."""
    found = {place for place in calls("create_container") if not place.startswith("engine/")}
    assert found == set()
    assert [place for place in calls("create_container") if place == "engine/creating.py"] == ["engine/creating.py"] * 2


CLOCKS = {
    "api/ground.py": "the library's, when no clock is given",
    "engine/docker/engine.py": "the same",
    "registry/sqlite/database.py": "the same",
    "registry/sqlite/registry.py": "the same",
}
SOCKETS = ("engine/docker/", "kubelet/prober/handlers/")
"""Where calls block on sockets, which know no clock but the machine's."""


def test_time_is_an_argument() -> None:
    assert set(calls("SystemClock")) == set(CLOCKS)
    assert [place for place in calls("Deadline") if not place.startswith(SOCKETS)] == []


def test_whoever_gets_an_error_of_the_engine_learns_whether_it_has_answered() -> None:
    assert "engine/docker/failures.py" in set(calls("EngineRefusal"))
    assert list(calls("EngineError")) == []


def test_new_objects_are_written_at_the_registrys_door_alone() -> None:
    """Whoever has a registry, and calls ``create`` on it, goes by the admission."""
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in modules().values()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "create"
        and ast.unparse(node.func.value).rpartition(".")[2].lstrip("_") in {"registry", "store"}
    }
    # The laboratory's registry that fails hands on what it is asked.
    assert found == {"registry/admission.py", "lab/faults.py"}

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


@cache
def nodes(path: Path) -> Sequence[ast.AST]:
    """All nodes of a module's tree."""
    return tuple(ast.walk(tree(path)))


def imported(name: str) -> Iterator[str]:
    """The package's modules that a module imports anywhere: at its top, within functions, for types only."""
    for node in nodes(modules()[name]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules())
        elif isinstance(node, ast.ImportFrom) and node.module in modules():
            assert node.module is not None
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in modules() else node.module


@cache
def graph() -> Mapping[str, Set[str]]:
    return {name: set(imported(name)) - {name} - LEFT_OUT for name in modules() if name not in LEFT_OUT}


def test_no_modules_import_each_other_in_a_circle_not_even_for_types() -> None:
    try:
        TopologicalSorter(graph()).prepare()
    except CycleError as circle:
        pytest.fail(" <- ".join(circle.args[1]), pytrace=False)


def test_a_circle_of_modules_would_be_found() -> None:
    assert "runner.errors" in graph()["runner.retry"]
    assert "runner.controllers.control" in graph()["runner.node.running"], "which imports it for types only"
    with pytest.raises(CycleError):
        TopologicalSorter({**graph(), "runner.errors": {"runner.retry"}}).prepare()


def test_no_module_and_no_function_is_too_long() -> None:
    long_ones = []
    for path in modules().values():
        place = path.relative_to(TOP)
        lines = path.read_text().count("\n")
        if lines > MOST_LINES and "_data" not in place.parts:
            long_ones.append(f"{place}: {lines} lines")
        for node in nodes(path):
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
        for node in nodes(path):
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
    "engine/docker/copying.py": "what a container that is there was created from",
    "client/copies.py": "tools beside a copy of a failed attempt",
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


RUN = "api/launching.py"
OF_A_NODE = {
    "runner.node.audience": {"Audience"},
    "runner.node.faults.making": {"check", "injector_of", "refuse_what_cannot_be"},
    "runner.node.machine": {"host_ip", "node_name"},
    "runner.node.newcomers": {"Newcomers"},
    "runner.node.node": {"Node"},
    "runner.node.outcome": {"StopRequest"},
    "runner.node.owning": {"Owned", "Spawn", "Title", "begin_sandbox", "own_found"},
    "runner.node.recording": {"Recording"},
    "runner.node.standing": {"Standing"},
    "runner.node.threads": {"Threads"},
}
"""What a run takes of the node: what it builds its own from."""
ASKED_OF_A_NODE = {"control", "on_leave"}
"""What it tells the node that it has built: which workloads it writes pods for, and who hears of pods that leave."""


def test_a_run_only_writes_and_touches_the_node_to_build_and_to_end_it() -> None:
    taken: dict[str, set[str]] = {}
    asked = set()
    for node in ast.walk(tree(PACKAGE / RUN)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("runner.node"):
            taken.setdefault(node.module or "", set()).update(alias.name for alias in node.names)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr == "node":
            asked.add(node.attr)
    assert taken == OF_A_NODE
    assert asked == ASKED_OF_A_NODE


def test_a_pod_comes_to_its_node_by_the_registry_alone() -> None:
    """Who runs a pod has found it there: nobody hands one over, and nobody but the node takes one."""
    assert set(calls("pick_up")) == {"node/node.py", "node/roster.py"}
    assert set(calls("unbegun")) == {"node/newcomers.py"}
    assert set(calls("own_found")) | set(calls("own")) == {"node/newcomers.py", "node/owning.py", "node/roster.py"}


def test_containers_are_created_in_one_place() -> None:
    """A wrapper of an Engine only hands a call on."""
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


# --- who writes what ---------------------------------------------------------------------------------------------------

OWN_ALONE: Mapping[str, tuple[int, str]] = {
    "__main__.py": (1, "sys.modules is Python's: a module that is not to be loaded"),
    "api/live.py": (2, "what a thread has of its own is the standard library's"),
    "cli/diary.py": (1, "a logger of the standard library is told so"),
    "engine/discover.py": (1, "an SSL context of the standard library is told so"),
    "engine/docker/clients.py": (1, "a session of requests is told so"),
    "engine/early.py": (1, "sys.modules is Python's: the same module may be loaded after all"),
    "kubelet/prober/handlers/tlsclient.py": (2, "an SSL context of the standard library is told so"),
    "pytest_plugin.py": (6, "pytest's items and reports, and Python's finders, are there to be added to"),
    "registry/sqlite/repair.py": (1, "a connection of the standard library is told so"),
    "render/narrate_tty.py": (1, "a timer of the standard library is told so"),
}
"""How often a module writes to what is not its ``self``, and why it may. A count that falls is lowered here."""
CHANGES = frozenset(
    {
        "add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem", "popleft", "remove", "reverse",
        "setdefault", "sort", "update",
    }
)  # fmt: skip
"""Methods by which lists, sets and dictionaries change."""
NO_CONTAINERS = frozenset({"cache", "registry", "remover", "store", "wakeup"})
"""Attributes that have methods of such names, which say what happens."""
SETTERS = frozenset({"setattr", "delattr", "__setattr__", "__delattr__"})


def is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def targets(node: ast.AST) -> Iterator[ast.expr]:
    """What a statement or an expression binds, deletes or counts up."""
    match node:
        case ast.Assign(targets=bound) | ast.Delete(targets=bound) | ast.Tuple(elts=bound) | ast.List(elts=bound):
            for one in bound:
                yield from targets(one)
        case (
            ast.AugAssign(target=one)
            | ast.AnnAssign(target=one)
            | ast.For(target=one)
            | ast.AsyncFor(target=one)
            | ast.comprehension(target=one)
            | ast.Starred(value=one)
        ):
            yield from targets(one)
        case ast.withitem(optional_vars=ast.expr() as one):
            yield from targets(one)
        case ast.Attribute() | ast.Subscript():
            yield node
        case _:
            return


def is_foreign(place: ast.expr) -> bool:
    """Whether it is an attribute of anything but ``self``, or something in one."""
    while isinstance(place, ast.Subscript):
        place = place.value
    return isinstance(place, ast.Attribute) and not is_self(place.value)


def changes_others(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[whose, *_]) if name in SETTERS:
            return not is_self(whose)
        case ast.Call(func=ast.Attribute(value=ast.Attribute(attr=what) as whose, attr=name)) if name in CHANGES:
            return is_foreign(whose) and what.lstrip("_") not in NO_CONTAINERS
        case ast.stmt() | ast.comprehension() | ast.withitem():
            return any(map(is_foreign, targets(node)))
        case _:
            return False


def test_only_methods_call_their_first_argument_self() -> None:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    for path in modules().values():
        classes = [node for node in nodes(path) if isinstance(node, ast.ClassDef)]
        spans = [(node.lineno, node.end_lineno or node.lineno) for node in classes]
        for node in nodes(path):
            if isinstance(node, functions) and any(one.arg == "self" for one in node.args.args):
                is_method = any(first < node.lineno <= last for first, last in spans)
                assert is_method, f"{path.relative_to(TOP)}:{node.lineno}"


def test_attributes_are_assigned_through_self_alone() -> None:
    found = {path: [n for n in nodes(path) if changes_others(n)] for path in modules().values()}
    counts = {path.relative_to(PACKAGE).as_posix(): len(nodes) for path, nodes in found.items() if nodes}
    expected = {place: count for place, (count, _) in OWN_ALONE.items()}
    places = [
        f"{path.relative_to(TOP)}:{node.lineno} {ast.unparse(node)}"
        for path, nodes in found.items()
        for node in nodes
        if isinstance(node, ast.stmt | ast.expr)
        and counts.get(path.relative_to(PACKAGE).as_posix()) != expected.get(path.relative_to(PACKAGE).as_posix())
    ]
    assert counts == expected, "\n".join(places)


@pytest.mark.parametrize(
    ("text", "is_seen"),
    [
        ("a.b = 1", True),
        ("a.b: int = 1", True),
        ("a.b += 1", True),
        ("del a.b", True),
        ("x, (y, *a.b) = 1, (2, 3)", True),
        ("for a.b in c: pass", True),
        ("with c as a.b: pass", True),
        ("self.a.b = 1", True),
        ("a().b = 1", True),
        ("a[0].b = 1", True),
        ("a.b[0] = 1", True),
        ("a.b[0][1] += 1", True),
        ("del a.b[:]", True),
        ("[0 for a.b in c]", True),
        ("setattr(a, 'b', 1)", True),
        ("object.__setattr__(a, 'b', 1)", True),
        ("a.b.append(1)", True),
        ("self.a.b.append(1)", True),
        ("x = a.b.pop()", True),
        ("self.b = 1", False),
        ("self.b[0] = 1", False),
        ("self.b.append(1)", False),
        ("object.__setattr__(self, 'b', 1)", False),
        ("b[0] = 1", False),
        ("b.append(1)", False),
        ("a.store.update(b)", False),
        ("a.b(1)", False),
        ("x = a.b", False),
    ],
)
def test_an_assignment_to_something_else_is_seen(text: str, is_seen: bool) -> None:
    assert any(map(changes_others, ast.walk(ast.parse(text)))) is is_seen


def test_new_objects_are_written_at_the_registrys_door_alone() -> None:
    """A caller of a registry's ``create`` goes by the admission."""
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in modules().values()
        for node in nodes(path)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "create"
        and ast.unparse(node.func.value).rpartition(".")[2].lstrip("_") in {"registry", "store"}
    }
    # The laboratory's registry that fails hands on what it is asked.
    assert found == {"registry/admission.py", "lab/crashes.py"}

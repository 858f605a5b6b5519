"""The script of a simulation: what containers, probes, hooks, registries and people do, read from YAML.

Everything in it is optional: regular init containers exit 0 after a second, others run until they are told to stop,
probes and hooks succeed, images are present, nothing interferes. The last attempt of a container repeats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from runner.core.cast import Cast
from runner.core.images.images import InvalidReference, apply_default_tag
from runner.core.manifest.yamltext import read_documents
from runner.core.model import Container, Pod, ProbeKind
from runner.core.sync.probing import RunResult
from runner.engine.simulated import FOREVER, Attempt, ContainerScript, OnTerm, ProbePoint, PullStep, Script
from runner.errors import UsageError
from runner.lab import steps
from runner.lab.fields import Field
from runner.lab.steps import Action, Step

INIT_ATTEMPT: Final = Attempt(exit_code=0, after=1.0)
"""What a regular init container does when nothing is scripted."""

_ATTEMPT_FIELDS = ("exit", "after", "oom", "startError", "run", "onTerm")
_STEP_FIELDS = (
    "at", "killSandbox", "delete", "updateImage", "removeContainer", "kill", "pause", "unpause", "pod",
)  # fmt: skip
_TO_CONTAINERS: Final[Mapping[str, Callable[[str], Action]]] = {
    "kill": steps.kill, "removeContainer": steps.remove, "pause": steps.pause, "unpause": steps.unpause,
}  # fmt: skip
_PROBES = {str(kind).lower(): kind for kind in ProbeKind}
_RESULTS = {str(result): result for result in RunResult}
_REFERRED_KINDS = ("ConfigMap", "Secret")


class HookScript(Struct, frozen=True, kw_only=True):
    """What a hook does: it takes some seconds and fails with a text, or "" when it goes well."""

    took: float = 0.0
    error: str = ""


class SimulationScript(Struct, frozen=True, kw_only=True):
    """A whole script. ``hooks`` by container and hook (``postStart``, ``preStop``); ``steps`` in the order written.

    A container is called by its name, in every pod, or ``pod/container``, in the pods of that name: ``*`` in a pod's name
    stands for anything. What is said of a pod by its whole name goes first, then patterns in their order, then the rest.
    """

    containers: Mapping[str, ContainerScript] = field(default_factory=dict)
    images: Mapping[str, tuple[PullStep, ...]] = field(default_factory=dict)
    hooks: Mapping[tuple[str, str], HookScript] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()

    def for_pod(self, pod: Pod) -> SimulationScript:
        """What it says of one pod: all of it, with plain container names."""
        keys = [key for key in self.containers if "/" in key]
        if not keys:
            return self
        keys.sort(key=lambda key: "*" in key)  # The order stays among equals.
        plain = [key for key in self.containers if "/" not in key]
        chosen = {key: key for key in plain}
        for key in reversed(keys):
            name, _, container = key.partition("/")
            if fnmatchcase(pod.name, name):
                chosen[container] = key
        return replace(
            self,
            containers={container: self.containers[key] for container, key in chosen.items()},
            hooks={
                (container, hook): script
                for container, chosen_key in chosen.items()
                for (key, hook), script in self.hooks.items()
                if key == chosen_key
            },
        )

    def for_engine(self, pod: Pod) -> Script:
        """What the simulated Engine needs to know, with the defaults filled in."""
        unnamed = {c.name: ContainerScript(attempts=(INIT_ATTEMPT,)) for c in pod.init_containers if c.is_regular_init}
        return Script(containers={**unnamed, **self.containers}, images=self.images)


def parse_script(text: str, pod: Pod | Cast, *, name: str = "script") -> SimulationScript:
    """Read a script for a pod, or for several. Raises UsageError, naming the field that is wrong."""
    documents = read_documents(text)
    for document in documents:
        for position, problem in [*((at, text) for at, text, _ in document.errors), *document.warnings]:
            raise UsageError(f"{name}:{position.line}:{position.column}: {problem}")
    roots = [document.root.plain() for document in documents if document.root is not None]
    if len(roots) > 1:
        raise UsageError(f"{name}: a script is one YAML document, found {len(roots)}")
    return script_of(roots[0] if roots and roots[0] is not None else {}, pod)


def script_of(value: object, pod: Pod | Cast) -> SimulationScript:
    """Check a script that is plain values already. Raises UsageError."""
    cast = pod if isinstance(pod, Cast) else Cast.of(pod)
    parts = Field("", value).fields(("containers", "images", "objects", "steps"))
    containers, hooks = _containers(parts.get("containers"), cast)
    listed = [_object_step(item) for item in parts["objects"].items()] if "objects" in parts else []
    listed += [_step(item, cast) for item in parts["steps"].items()] if "steps" in parts else []
    images = _images(parts["images"]) if "images" in parts else {}
    return SimulationScript(containers=containers, images=images, hooks=hooks, steps=tuple(listed))


# --- containers ------------------------------------------------------------------------------------------------------


def _containers(
    given: Field | None, cast: Cast
) -> tuple[dict[str, ContainerScript], dict[tuple[str, str], HookScript]]:
    scripts: dict[str, ContainerScript] = {}
    hooks: dict[tuple[str, str], HookScript] = {}
    for name, one in given.entries().items() if given is not None else ():
        container = _called(one, name, cast)
        default = (INIT_ATTEMPT,) if container.is_regular_init else (FOREVER,)
        parts = one.fields(("attempts", "probes", "hooks", "terminationMessage"))
        attempts = tuple(_attempt(item) for item in parts["attempts"].items()) if "attempts" in parts else ()
        scripts[name] = ContainerScript(
            attempts=attempts or default,
            probes=_probes(parts["probes"]) if "probes" in parts else {},
            termination_message=parts["terminationMessage"].text() if "terminationMessage" in parts else "",
        )
        for hook, what in parts["hooks"].fields(("postStart", "preStop")).items() if "hooks" in parts else ():
            hooks[name, hook] = _hook(what)
    return scripts, hooks


def _called(given: Field, name: str, cast: Cast) -> Container:
    """The container of a name, which may have its pod's before it. Raises UsageError."""
    pod, slash, container = name.rpartition("/")
    pods = _pods_called(given, pod, cast) if slash else [cast.everyone]
    found = next((one for one in (pod.container(container) for pod in pods) if one is not None), None)
    if found is None:
        raise given.problem(f"the pod has no container of this name; it has {_names(pods)}")
    return found


def _pods_called(given: Field, name: str, cast: Cast) -> list[Pod]:
    pods = cast.called(name)
    if not pods:
        raise given.problem(f"no pod is called {name}; there are {cast.names}")
    return pods


def _names(pods: Sequence[Pod]) -> str:
    return ", ".join(dict.fromkeys(container.name for pod in pods for container in pod.all_containers()))


def _attempt(given: Field) -> Attempt:
    parts = given.fields(_ATTEMPT_FIELDS)
    ways = [key for key in ("exit", "oom", "startError", "run") if key in parts]
    if len(ways) > 1:
        raise given.problem(f"an attempt ends in one way, not in {len(ways)}: {', '.join(ways)}")
    for key in ("after", "onTerm") if "startError" in parts else ("after",) if "run" in parts else ():
        if key in parts:
            raise parts[key].problem(f"makes no sense beside {ways[0]}")
    if "startError" in parts:
        return Attempt(start_error=parts["startError"].text())
    if "run" in parts:
        parts["run"].choice(("forever",))
    oom = "oom" in parts and parts["oom"].flag()
    after = parts["after"].seconds() if "after" in parts else 1.0
    return Attempt(
        exit_code=parts["exit"].integer(0, 255) if "exit" in parts else 0,
        after=None if "run" in parts else after,
        oom=oom,
        on_term=_on_term(parts["onTerm"]) if "onTerm" in parts else None,
    )


def _on_term(given: Field) -> OnTerm:
    if given.value == "ignore":
        return OnTerm(ignore=True)
    if isinstance(given.value, str):
        raise given.problem('expected "ignore" or a mapping of exit and after')
    parts = given.fields(("exit", "after"))
    return OnTerm(
        exit_code=parts["exit"].integer(0, 255) if "exit" in parts else 0,
        after=parts["after"].seconds() if "after" in parts else 0.0,
    )


def _probes(given: Field) -> dict[ProbeKind, tuple[ProbePoint, ...]]:
    found = {}
    for word, points in given.fields(tuple(_PROBES)).items():
        listed = [_point(point) for point in points.items()]
        found[_PROBES[word]] = tuple(sorted(listed, key=lambda point: point.at))
    return found


def _point(given: Field) -> ProbePoint:
    parts = given.fields(("at", "result", "output"))
    if "result" not in parts:
        raise given.problem("result is missing")
    return ProbePoint(
        at=parts["at"].seconds() if "at" in parts else 0.0,
        result=_RESULTS[parts["result"].choice(tuple(_RESULTS))],
        output=parts["output"].text() if "output" in parts else "",
    )


def _hook(given: Field) -> HookScript:
    parts = given.fields(("took", "error"))
    return HookScript(
        took=parts["took"].seconds() if "took" in parts else 0.0,
        error=parts["error"].text() if "error" in parts else "",
    )


# --- images ----------------------------------------------------------------------------------------------------------


def _images(given: Field) -> dict[str, tuple[PullStep, ...]]:
    found = {}
    for reference, pulls in given.entries().items():
        try:
            apply_default_tag(reference)
        except InvalidReference as problem:
            raise pulls.problem(str(problem)) from problem
        found[reference] = tuple(_pull(item) for item in pulls.items())
    return found


def _pull(given: Field) -> PullStep:
    parts = given.fields(("ok", "error", "took"))
    if ("error" in parts) == ("ok" in parts and parts["ok"].flag()):
        raise given.problem("a pull is either ok: true or an error with its text")
    return PullStep(
        error=parts["error"].text() if "error" in parts else "",
        took=parts["took"].seconds() if "took" in parts else 0.0,
    )


# --- what happens from outside -----------------------------------------------------------------------------------------


def _object_step(given: Field) -> Step:
    parts = given.fields(("at", "create", "delete"))
    action = _one_of(given, parts, ("create", "delete"))
    at = parts["at"].seconds() if "at" in parts else 0.0
    value = parts[action].entries()
    kind = value["kind"].choice(_REFERRED_KINDS) if "kind" in value else None
    if kind is None:
        raise parts[action].problem("kind is missing")
    name = _object_name(parts[action], value)
    if action == "create":
        return Step(at=at, action=steps.put_object({"apiVersion": "v1", **parts[action].value}))
    return Step(at=at, action=steps.remove_object(kind, name))


def _object_name(given: Field, value: Mapping[str, Field]) -> str:
    holder = value["metadata"].entries() if "metadata" in value else value
    if "name" not in holder:
        raise given.problem("metadata.name is missing" if "create" in given.path else "name is missing")
    return holder["name"].text()


def _step(given: Field, cast: Cast) -> Step:
    parts = given.fields(_STEP_FIELDS)
    what = _one_of(given, parts, _STEP_FIELDS[1:-1])
    if "at" not in parts:
        raise given.problem("at is missing")
    pod = parts["pod"].text() if "pod" in parts else ""
    if pod:
        _pods_called(parts["pod"], pod, cast)
    action, named = _action(what, parts[what], cast, pod)
    return Step(at=parts["at"].seconds(), action=action, pod=named)


def _one_of(given: Field, parts: Mapping[str, Field], ways: Iterable[str]) -> str:
    found = [key for key in ways if key in parts]
    if len(found) != 1:
        raise given.problem(f"expected exactly one of {', '.join(ways)}")
    return found[0]


def _action(what: str, given: Field, cast: Cast, pod: str) -> tuple[Action, str]:
    """What happens, and to the pods of which name. Raises UsageError."""
    match what:
        case "killSandbox":
            if not given.flag():
                raise given.problem("can only be true")
            return steps.kill_sandbox, pod
        case "delete":
            return _delete(given), pod
        case "updateImage":
            parts = given.fields(("container", "image"))
            if len(parts) != 2:
                raise given.problem("container and image are both needed")
            container, pod = _container(parts["container"], cast, pod)
            return steps.update_image(container, parts["image"].text()), pod
        case "kill" if isinstance(given.value, dict):
            parts = given.fields(("container", "signal"))
            if "container" not in parts:
                raise given.problem("container is missing")
            container, pod = _container(parts["container"], cast, pod)
            return steps.kill(container, parts["signal"].text() if "signal" in parts else "SIGKILL"), pod
        case _:
            container, pod = _container(given, cast, pod)
            return _TO_CONTAINERS[what](container), pod


def _delete(given: Field) -> Action:
    if given.value is True:
        return steps.delete()
    parts = given.fields(("grace",))
    if "grace" not in parts:
        return steps.delete()
    seconds = parts["grace"].seconds()
    if seconds != int(seconds):
        raise parts["grace"].problem("a grace period has whole seconds")
    return steps.delete(int(seconds))


def _container(given: Field, cast: Cast, pod: str) -> tuple[str, str]:
    """A container that something happens to, and the name of its pods. Raises UsageError."""
    named, slash, container = given.text().rpartition("/")
    if slash and pod:
        raise given.problem(f"names a pod, and so does pod: {pod}")
    pods = _pods_called(given, named or pod, cast) if named or pod else [cast.everyone]
    if all(one.container(container) is None for one in pods):
        raise given.problem(f"the pod has no container {container}; it has {_names(pods)}")
    return container, named or pod

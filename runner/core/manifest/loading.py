"""Loading: sources to objects and problems. Text → positions → strict decode → defaults → validation, never raising."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from runner.core.manifest.decode import Decoder, nearest
from runner.core.manifest.kinds import CLUSTER_SCOPED, apply_defaults
from runner.core.manifest.notes import NAMESPACES, notes_on
from runner.core.manifest.paths import FieldPath
from runner.core.manifest.schema import load_schema
from runner.core.manifest.types import (
    LoadedObject,
    LoadResult,
    PathKeys,
    Position,
    Problem,
    ProblemType,
    Source,
    Subject,
)
from runner.core.manifest.validation.run import validate
from runner.core.manifest.yamltext import Node, Positions, read_documents

_VERSION = re.compile(r"v[1-9][0-9]*((alpha|beta)[1-9][0-9]*)?")


def load(sources: Sequence[Source], *, namespace: str = "default", is_admitted: bool = False) -> LoadResult:
    """Return every object, problem and warning of some manifests.

    `namespace` is given to namespaced objects that name none. `is_admitted`: pods are checked as they are after the
    ServiceAccount admission, which names the account `default` where a pod names none. Nothing is raised for any text.
    """
    loading = _Loading(namespace, is_admitted=is_admitted)
    for source in sources:
        _SourceLoading(loading, source).run()
    if sources and not loading.items and not loading.problems:
        _SourceLoading(loading, sources[0]).nothing()  # nothing but empty lists
    loading.judge_custom()
    loading.judge_namespaces()
    files: dict[str, int] = {}
    for source in sources:
        files.setdefault(source.shown_name, len(files))

    def place(problem: Problem) -> tuple[int, int, int, int]:
        return files[problem.file], problem.line, problem.column, problem.order

    return LoadResult(
        objects=tuple(loading.objects),
        problems=tuple(sorted(loading.problems, key=place)),
        warnings=tuple(sorted(loading.warnings, key=place)),
        ignored=tuple(sorted(loading.ignored, key=place)),
    )


class _Loading:
    """What has been found so far, over all sources."""

    def __init__(self, namespace: str, *, is_admitted: bool) -> None:
        self.namespace = namespace
        self.is_admitted = is_admitted
        self.objects: list[LoadedObject] = []
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.ignored: list[Problem] = []
        self.custom: list[tuple[Problem, Problem]] = []
        self.namespaces: dict[str, Problem] = {}
        self.begun = 0
        self.items = 0
        self.seen: dict[tuple[str, str, str], tuple[str, Position]] = {}

    def refuse(self, problem: Problem) -> None:
        self.problems.append(problem)

    def warn(self, warning: Problem) -> None:
        self.warnings.append(warning)

    def ignore(self, ignored: Problem) -> None:
        self.ignored.append(ignored)

    def put_off(self, problem: Problem, ignored: Problem) -> None:
        """A custom resource: what it is told of is seen when everything is read."""
        self.custom.append((problem, ignored))

    def take(self, item: LoadedObject) -> None:
        self.objects.append(item)

    def count_item(self) -> None:
        """There is something that has a kind."""
        self.items += 1

    def begin(self) -> int:
        """An object begins. Returns its number, from 0."""
        self.begun += 1
        return self.begun - 1

    def note_namespace(self, namespace: str, warning: Problem) -> None:
        """Remember what the first object in a namespace is to be told."""
        self.namespaces.setdefault(namespace, warning)

    def first(self, kind: str, namespace: str, name: str, file: str, at: Position) -> tuple[str, Position]:
        """Where the first object of that name is: here, when there was none before."""
        return self.seen.setdefault((kind, namespace, name), (file, at))

    def judge_custom(self) -> None:
        """Custom resources beside other objects are ignored; alone they are unknown kinds."""
        is_beside = bool(self.begun or self.ignored)
        for problem, ignored in self.custom:
            if is_beside:
                self.ignored.append(ignored)
            else:
                self.problems.append(problem)

    def judge_namespaces(self) -> None:
        """A namespace that only a cluster may have is told of once; one that is among the objects is not."""
        made = {item.name for item in self.objects if item.kind == "Namespace"}
        named = (warning for name, warning in self.namespaces.items() if name not in made)
        self.warnings.extend(sorted(named, key=lambda warning: warning.order))


class _SourceLoading:
    """Loads one source."""

    def __init__(self, loading: _Loading, source: Source) -> None:
        self.loading = loading
        self.file = source.shown_name
        self.text = source.text

    def run(self) -> None:
        before = len(self.loading.problems)
        found = 0
        for document in read_documents(self.text):
            for position, message in document.warnings:
                self.warn(position, "", message)
            for position, message, detail in document.errors:
                self.problem(position, "", message, ProblemType.SYNTAX, detail)
            if document.root is not None:
                found += 1
                self.item(document.root, "", "")
        if not found and len(self.loading.problems) == before:
            self.nothing()

    def nothing(self) -> None:
        self.problem(Position(1, 1), "", "no objects in this file", ProblemType.SYNTAX, "no objects passed")

    def problem(
        self,
        at: Position,
        field: str,
        message: str,
        kind: ProblemType,
        detail: str | None = None,
        subject: Subject | None = None,
    ) -> None:
        self.loading.refuse(self.problem_of(at, field, message, kind, detail, subject))

    def problem_of(
        self, at: Position, field: str, message: str, kind: ProblemType, detail: str | None, subject: Subject | None
    ) -> Problem:
        return Problem(
            file=self.file,
            line=at.line,
            column=at.column,
            field=field,
            message=message,
            type=kind,
            detail=message if detail is None else detail,
            order=len(self.loading.problems),
            subject=subject,
        )

    def warn(self, at: Position, field: str, message: str) -> None:
        self.loading.warn(self.warning(at, field, message))

    def warning(self, at: Position, field: str, message: str) -> Problem:
        return Problem(
            file=self.file,
            line=at.line,
            column=at.column,
            field=field,
            message=message,
            type=ProblemType.WARNING,
            detail=message,
            order=len(self.loading.warnings),
        )

    def item(self, root: Node, list_version: str, list_kind: str) -> None:
        """Load one document, or one item of a list, whose list says what its items are."""
        if not isinstance(root.value, dict):
            text = "an object (a mapping with apiVersion and kind) is wanted"
            self.problem(root.position, "", text, ProblemType.SYNTAX, "invalid object to validate")
            return
        if "services" in root.value and not {"apiVersion", "kind"} & root.value.keys():
            text = "this looks like a Compose file, and podrunner runs Kubernetes manifests: `kompose convert` makes them of it"
            self.problem(root.position, "", text, ProblemType.REQUIRED, "apiVersion not set")
            return
        version = self.header(root, "apiVersion", list_version)
        kind = self.header(root, "kind", list_kind)
        if version is None or kind is None:
            return
        if kind.endswith("List") and f"{version}/{kind}" not in load_schema().kinds:
            items = root.value.get("items")
            if items is not None or kind == "List":
                self.items(items or Node(None, root.line, root.column), version, kind)
                return
        self.loading.count_item()
        type_name = load_schema().kinds.get(f"{version}/{kind}")
        if type_name is None:
            self.unknown_kind(root, version, kind)
            return
        self.object(root, version, kind, type_name)

    def items(self, items: Node, version: str, kind: str) -> None:
        """Load the items of a List, or of a PodList and its like, whose items may leave out their kind."""
        if not isinstance(items.value, list):
            sentence = "invalid object to validate"
            self.problem(items.position, "items", "must be a list of objects", ProblemType.DECODE, sentence)
            return
        single = kind.removesuffix("List")
        for node in items.value:
            self.item(node, version if single else "", single)

    def header(self, root: Node, name: str, otherwise: str) -> str | None:
        """Return apiVersion or kind, or None after reporting that it cannot be used."""
        node = root.value.get(name)
        value = None if node is None else node.value
        if value in (None, ""):
            if otherwise:
                return otherwise
            at = root.position if node is None else node.position
            detail = f"{name} not set"
            if value == "" and name == "kind":
                text = json.dumps(root.plain(), separators=(",", ":"), sort_keys=True, ensure_ascii=False)
                detail = f"Object 'Kind' is missing in '{text}'"
            elif value == "":
                detail = "the server could not find the requested resource"
            self.problem(at, name, "Required value", ProblemType.REQUIRED, detail)
            return None
        if not isinstance(value, str):
            assert node is not None
            self.problem(
                node.position, name, "must be a string (quote it)", ProblemType.DECODE, f"{name} isn't string type"
            )
            return None
        return value

    def unknown_kind(self, root: Node, version: str, kind: str) -> None:
        known = load_schema().known
        if kind in known.get(version, ()):
            self.loading.ignore(self.ignored(root, version, kind))
            return
        sentence = f'no matches for kind "{kind}" in version "{version}"'
        hint = _kind_hint(version, kind)
        at = root.value["kind"] if "kind" in root.value and version in known else root.value.get("apiVersion", root)
        detail, subject = sentence, None
        if version.count("/") > 1:
            detail = f"unexpected GroupVersion string: {version}"
        if kind in (name.lower() for name in known.get(version, ())):
            scheme = "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"
            detail = f'no kind "{kind}" is registered for version "{version}" in scheme "{scheme}"'
            # kubectl knows each kind in lower case as well, and asks the server.
            subject = Subject(number=self.loading.begin(), api_version=version, kind=kind, name=_written_name(root))
        problem = self.problem_of(at.position, "", sentence + hint, ProblemType.DECODE, detail, subject)
        if _is_custom(version):
            self.loading.put_off(problem, self.ignored(root, version, kind))
        else:
            self.loading.refuse(problem)

    def ignored(self, root: Node, version: str, kind: str) -> Problem:
        at, name = root.value["kind"].position, _written_name(root)
        return Problem(
            file=self.file,
            line=at.line,
            column=at.column,
            field="kind",
            message=f'kind "{kind}" is ignored: it has no effect on one node',
            type=ProblemType.WARNING,
            order=len(self.loading.ignored),
            subject=Subject(number=-1, api_version=version, kind=kind, name=name),
        )

    def object(self, root: Node, version: str, kind: str, type_name: str) -> None:
        positions = Positions(root)
        subject = Subject(number=self.loading.begin(), api_version=version, kind=kind, name=_written_name(root))

        def report(path: FieldPath, at: Position, sentence: str, message: str) -> None:
            self.problem(at, str(path), message, ProblemType.DECODE, sentence, subject)

        decoder = Decoder(report)
        value = {"kind": kind, "apiVersion": version} | decoder.object(type_name, root)
        value["kind"], value["apiVersion"] = kind, version
        notes = notes_on(kind, value)
        apply_defaults(kind, value, self.loading.namespace)
        raw = root.plain()
        found = validate(kind, value, raw, is_admitted=self.loading.is_admitted)
        # What is refused needs no advice on what would happen to it.
        for path, text in notes if not found.items else ():
            self.warn(positions.nearest(path.keys), str(path), text)
        for error in found.items:
            if not _is_broken(error.path.keys, decoder.broken):
                at = positions.nearest(error.path.keys)
                self.problem(at, str(error.path), error.body, error.type, error.detail, subject)
        for place, text in found.warnings:
            at = positions.nearest(place.keys if place else ())
            self.warn(at, str(place) if place else "", text)
        metadata: dict[str, Any] = value["metadata"]
        namespace = "" if kind in CLUSTER_SCOPED else metadata.get("namespace") or self.loading.namespace
        name = metadata.get("name") or ""
        self.note_name(kind, namespace, name, positions.nearest(("metadata", "name")))
        if namespace not in (*NAMESPACES, self.loading.namespace, "") and not found.items:
            text = f'only a cluster knows the namespace "{namespace}": here it exists as soon as something is in it'
            at = positions.nearest(("metadata", "namespace"))
            self.loading.note_namespace(namespace, self.warning(at, "metadata.namespace", text))
        self.loading.take(
            LoadedObject(
                file=self.file,
                kind=kind,
                api_version=version,
                namespace=namespace,
                name=name,
                value=value,
                raw=raw,
                positions=positions,
            )
        )

    def note_name(self, kind: str, namespace: str, name: str, at: Position) -> None:
        """Warn when the manifests hold two objects of the same kind and name."""
        if not name:
            return
        first = self.loading.first(kind, namespace, name, self.file, at)
        if first != (self.file, at):
            where = f"{first[0]}:{first[1].line}:{first[1].column}"
            self.warn(at, "metadata.name", f'{kind} "{name}" is already defined at {where}')


def _is_broken(keys: PathKeys, broken: set[PathKeys]) -> bool:
    """Return whether a value could not be read, so that complaints about it or its parts would mislead."""
    return any(keys[:length] in broken for length in range(1, len(keys) + 1))


def _written_name(root: Node) -> str:
    """The name that an object's text gives it, "" when there is none that can be read."""
    metadata = root.value.get("metadata")
    written = metadata.value if metadata is not None and isinstance(metadata.value, dict) else {}
    nodes = [written[key] for key in ("name", "generateName") if key in written]
    return next((node.value for node in nodes if isinstance(node.value, str)), "")


def _is_custom(version: str) -> bool:
    """Whether an apiVersion is that of custom resources: of a group with a domain that Kubernetes itself does not have.

    One that looks like a group of Kubernetes with a slip in it is not.
    """
    group, _, rest = version.partition("/")
    groups = {known.partition("/")[0] for known in load_schema().known}
    return (
        "." in group
        and bool(_VERSION.fullmatch(rest))
        and group not in groups
        and not nearest(group, groups, cutoff=0.9)
    )


def _kind_hint(version: str, kind: str) -> str:
    known = load_schema().known
    for other, kinds in known.items():
        if kind in kinds and other in ("v1", "apps/v1", "batch/v1"):
            return f' (it is in "{other}")'
    near = nearest(kind, known.get(version, ()))
    return f', did you mean "{near}"?' if near else ""

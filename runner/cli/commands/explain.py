"""``explain``: why a pod is not where it should be."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli.app import POD_WORDS, App, app_of, pod_name
from runner.cli.failures import Failures
from runner.cli.lookup import find_pod
from runner.cli.options import color_option, command, complete_recorded, namespace_option, option
from runner.cli.spelling import did_you_mean
from runner.errors import NoSuchObject, UsageError
from runner.render.explained import WIDE, explanation_text

if TYPE_CHECKING:
    from runner.api.types import Dump
    from runner.core.explain.explaining import Explanation
    from runner.core.model import Json

LAST = "last"
_FILES = (".yaml", ".yml", ".json", ".txt", ".tar")


@command(
    "explain",
    "kubectl get pod,event,cm -o yaml | podrunner explain -",
    short_help="Say why a pod is not where it should be.",
)
@click.argument("words", nargs=-1, metavar="POD|FILE...", shell_complete=complete_recorded)
@option(
    "-f", "--filename", "files", multiple=True, help="What kubectl printed: a file, a folder or -; PODs are then in it."
)
@option(
    "--log", "logs", multiple=True, metavar="CONTAINER=FILE", help="Output of a container of the one pod in the files."
)
@option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to print it."
)
@color_option
@namespace_option
def explain(
    words: tuple[str, ...], files: tuple[str, ...], logs: tuple[str, ...], output: str, color: str, namespace: str
) -> int:
    """Say in plain words what a pod waits for or failed of, on what evidence, and what to do next.

    POD is a pod of this machine, also of a run that is over (POD@RUN, last). FILE is what kubectl printed of any cluster (pods,
    and beside them events, ConfigMaps, Secrets, Services and claims, as YAML or JSON), a folder of `run --artifacts` or of
    `kubectl cluster-info dump`, a capture, or - for standard input.
    """
    app = app_of()
    if not words and not files:
        raise UsageError("name a pod, or a file with what kubectl printed of one", hint="podrunner get po")
    paths = [*files, *(word for word in words if _is_file(word))]
    names = [word for word in words if not _is_file(word)]
    failures = Failures()
    if paths:
        found = _of_files(app, paths, [pod_name(word) for word in names], logs)
    elif logs:
        raise UsageError("--log is for pods that are read from files")
    else:
        found = _of_this_machine(app, namespace, names, failures)
    _print(app, found, output, color)
    failures.end()
    return 0


def _is_file(word: str) -> bool:
    """Whether a word names a file rather than a pod: pods have no such endings, and no path."""
    kind, slash, _ = word.partition("/")
    if word == "-" or word.endswith(_FILES):
        return True
    return bool(slash and kind not in POD_WORDS) or (not slash and Path(word).is_dir())


def _of_this_machine(app: App, namespace: str, words: Sequence[str], failures: Failures) -> list[Explanation]:
    names = [pod_name(word) for word in words if word not in POD_WORDS]
    return failures.each(lambda name: _of_one(app, namespace, name), names)


def _of_one(app: App, namespace: str, name: str) -> Explanation:
    """A pod that is there, else what was written down of one."""
    from runner.api.explaining import explain_pod, explain_record

    if "@" not in name and name != LAST:
        try:
            return explain_pod(app.runner.client, find_pod(app, namespace, name), app.clock.now())
        except NoSuchObject as problem:
            if not app.runner.records.has(name, namespace):
                known = [str(one["metadata"]["name"]) for one in app.runner.client.list("Pod", namespace).items]
                meant = did_you_mean(name, [*known, *app.runner.records.names(namespace)])
                problem.advise(meant or f"podrunner get po -n {namespace}; a file ends in .yaml or .json")
                raise
    return explain_record(app.runner.records.find(name, namespace))


def _of_files(app: App, paths: Sequence[str], names: Sequence[str], logs: Sequence[str]) -> list[Explanation]:
    from runner.api.explaining import read_dump
    from runner.core.explain.explaining import explain as explained

    dump = read_dump(paths, app.stdin)
    pods = dump.pods
    if not pods:
        kinds = sorted({str(one.get("kind")) for one in dump.objects}) or ["nothing"]
        hint = "give the output of `kubectl get pod NAME -o yaml`; `podrunner plan` is for manifests of workloads"
        raise UsageError(f"there is no Pod in {', '.join(paths)}, only {', '.join(kinds)}", hint=hint)
    known = [str((one.get("metadata") or {}).get("name")) for one in pods]
    for name in names:
        if name not in known:
            raise NoSuchObject(f'pods "{name}" not found in {", ".join(paths)}', hint=did_you_mean(name, known))
    chosen = [one for one, name in zip(pods, known, strict=True) if not names or name in names]
    _take_logs(dump, chosen, logs)
    return [explained(dump.evidence(one)) for one in chosen]


def _take_logs(dump: Dump, pods: Sequence[Json], logs: Sequence[str]) -> None:
    if logs and len(pods) != 1:
        raise UsageError(f"--log is for one pod, and there are {len(pods)}: name one")
    for one in logs:
        container, equals, path = one.partition("=")
        if not equals:
            raise UsageError(f'"{one}" is not CONTAINER=FILE')
        dump.read_log(pods[0], container, path)


def _print(app: App, found: Sequence[Explanation], output: str, color: str) -> None:
    """One after the other; of several pods those with which nothing is wrong are only counted."""
    if output == "json":
        values = [one.to_json() for one in found]
        whole = values[0] if len(values) == 1 else {"items": values}
        app.out.exact(json.dumps(whole, indent=4, ensure_ascii=False) + "\n")
        return
    paint = app.paint(app.out, color)
    width = app.out.columns if app.out.is_terminal else WIDE
    told = [one for one in found if one.findings or one.state] if len(found) > 1 else list(found)
    for number, one in enumerate(told):
        app.out.write(("\n" if number else "") + explanation_text(one, paint, width))
    well = len(found) - len(told)
    if well:
        text = f"{well} pod{'' if well == 1 else 's'} with which nothing is wrong as far as can be seen"
        app.out.write(("\n" if told else "") + text + "\n")

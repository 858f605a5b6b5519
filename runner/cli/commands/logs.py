"""``logs``: what containers wrote."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from runner.cli.app import POD_WORDS, App, app_of, pod_name
from runner.cli.diary import show_log
from runner.cli.failures import Failures
from runner.cli.loglimits import EVERY, LogLimits
from runner.cli.lookup import find_pod, nothing_found, pods_of
from runner.cli.options import (
    DURATION,
    color_option,
    command,
    complete_containers,
    complete_pods,
    namespace_option,
    option,
)
from runner.cli.resources import asked
from runner.cli.selecting import selected_pods, selector_option
from runner.clock import Countdown
from runner.core.container.defaultcontainer import logged_container
from runner.core.kindwords import WORKLOADS
from runner.core.logquestion import LogQuestion
from runner.core.model import Json, Pod
from runner.core.selectors import Selector
from runner.core.text.escaping import for_terminal
from runner.errors import RunnerError, UsageError
from runner.render.logs import kubectl_prefix, marked
from runner.render.style import Paint

if TYPE_CHECKING:
    from runner.core.model import Object
    from runner.core.narration import LogLine

_Source = tuple[str, str, int | None]
"""Names of a pod and of one of its containers, and the attempt; None is the newest."""
_OnStop = Callable[[Callable[[], None]], None] | None
_Read = Callable[[_Source, _OnStop], "Iterator[Sequence[LogLine]]"]
_MOST_WAITING = 64
"""How many batches may be read and not printed yet."""
_LOOK_SECONDS, _END_SECONDS = 0.02, 5.0
"""How often it is looked whether readers have ended, and how long they may take."""


@command("logs", "podrunner logs init-container-pod -c init-container-1", short_help="Print what a container wrote.")
@click.argument("pod", required=False, metavar="POD|KIND/NAME", shell_complete=complete_pods)
@click.argument("named", required=False, metavar="[CONTAINER]", shell_complete=complete_containers)
@option("-c", "--container", shell_complete=complete_containers, help="Container (default: the first app container).")
@option("--all-pods", is_flag=True, help="All pods of a workload, with --prefix.")
@option("--ignore-errors", is_flag=True, help="Tell what cannot be read, and do not fail for it.")
@option("--all-containers", is_flag=True, help="All containers of the pod.")
@selector_option
@option("-f", "--follow", is_flag=True, help="Go on with what comes, until the container ends.")
@option("-p", "--previous", is_flag=True, help="The previous instance of the container.")
@option(
    "--attempt",
    metavar="N|all",
    help="This instance of the container, counted from 0; all of them, one after the other.",
)
@option("--timestamps", is_flag=True, help="Put the time before each line.")
@option("--tail", type=int, help="Only so many last lines (-1: all; default with a selector: 10).")
@option("--since", type=DURATION, help="Only lines younger than this.")
@option("--since-time", help="Only lines since this instant (RFC 3339).")
@option("--limit-bytes", type=int, default=0, help="At most so many bytes of each container.")
@option("--prefix", is_flag=True, help="Put pod and container before each line.")
@option("--max-log-requests", type=int, default=5, show_default=True, help="How many logs may be followed at once.")
@color_option
@namespace_option
def logs(
    pod: str | None, named: str | None, container: str | None, selector: Selector, namespace: str, **flags: Any
) -> int:
    """Print the logs of a container, also of one that has ended, such as an init container; job/NAME is one of its pods."""
    app = app_of()
    if named and container:
        raise UsageError("only one of -c or an inline [CONTAINER] arg is allowed")
    show_log(app)
    limits = LogLimits.of(flags, is_selected=bool(selector))
    if pod is not None and _is_over(app, pod, namespace):
        from runner.cli.recordedlogs import print_recorded

        return print_recorded(app, pod, namespace, container or named, limits, flags)
    pods = _pods(app, namespace, pod, selector, every=flags["all_pods"])
    chosen = [
        (str(value["metadata"]["name"]), name, number)
        for value in pods
        for name in _containers(app, value, container or named, everything=flags["all_containers"])
        for number in _numbers(app, namespace, str(value["metadata"]["name"]), name, limits.attempt)
    ]
    _keep_within(len(chosen), flags["max_log_requests"], follow=flags["follow"])
    is_merged = flags["follow"] and len(chosen) > 1
    has_prefix = flags["prefix"] or flags["all_pods"]
    marks = {"prefix": has_prefix, "timestamps": flags["timestamps"], "attempt": limits.attempt is not None}
    is_whole = is_merged or has_prefix or flags["timestamps"]

    def read(source: _Source, on_stop: _OnStop = None) -> Iterator[Sequence[LogLine]]:
        of_pod, name, number = source
        question = LogQuestion(
            container=name,
            previous=flags["previous"],
            follow=flags["follow"],
            tail=limits.tail,
            since=limits.since,
            attempt=number,
            whole=is_whole,
        )
        return limits.cut(app.runner.client.logs(namespace, of_pod, question, on_stop=on_stop))

    told: list[RunnerError] = []
    failures = Failures()
    if is_merged:
        found = _merged(app, read, chosen, told)
    elif flags["ignore_errors"]:
        found = _forgiving(app, read, chosen)
    else:
        found = _in_turn(app, read, chosen, failures, announces=limits.attempt == EVERY and not has_prefix)
    _print(app, app.paint(app.out, flags["color"]), found, marks, is_whole=is_whole)
    failures.end()
    return int(told[0].exit_code) if told and not flags["ignore_errors"] else 0


def _is_over(app: App, word: str, namespace: str) -> bool:
    """Whether a word names a record, and no pod that there is."""
    if "@" not in word:
        name = word.rpartition("/")[2]
        if "/" in word and word.partition("/")[0] not in POD_WORDS:
            return False
        if any(one["metadata"]["name"] == name for one in app.runner.client.list("Pod", namespace).items):
            return False
    return app.runner.records.has(word.removeprefix("po/").removeprefix("pod/").removeprefix("pods/"), namespace)


def _print(
    app: App, paint: Paint, found: Iterator[Sequence[LogLine]], marks: dict[str, bool], *, is_whole: bool
) -> None:
    """Print bytes as they are; or lines, each with what is to stand before it."""
    is_cut = app.out.is_terminal and marks["prefix"]
    for lines in found:
        if not is_whole:
            app.out.put_bytes(b"".join(line.content for line in lines))
            continue
        texts = []
        for line in lines:
            text = kubectl_prefix(line, **marks)
            prefix = for_terminal(paint.container(text, line.container, is_init=line.is_init)).encode()
            texts.append(marked(line, prefix if line.is_start else b"", is_cut=is_cut))
        app.out.put_bytes(b"".join(texts))


def _numbers(app: App, namespace: str, pod: str, container: str, attempt: str | int | None) -> Sequence[int | None]:
    """The attempts of a container to read; says so when there are none to choose from."""
    if isinstance(attempt, int) or attempt is None:
        return [attempt]
    return app.runner.client.attempts(namespace, pod, container) or [None]


def _pods(app: App, namespace: str, word: str | None, selector: Selector, *, every: bool) -> list[Object]:
    """The pods to read: the one that is named, or those that are selected."""
    if word is None and not selector:
        raise UsageError("POD or TYPE/NAME is a required argument for the logs command")
    if word is not None:
        if selector:
            raise UsageError("only a selector (-l) or a POD name is allowed")
        return _named(app, namespace, word, every=every)
    pods = selected_pods(app, namespace, selector)
    if not pods:
        app.say(nothing_found(namespace))
    return pods


def _keep_within(count: int, most: int, *, follow: bool) -> None:
    if follow and count > most:
        text = f"you are attempting to follow {count} log streams, but maximum allowed concurrency is {most}"
        raise UsageError(text, hint="use --max-log-requests to increase the limit")


def _named(app: App, namespace: str, word: str, *, every: bool) -> list[Object]:
    """The pod that is named, or one of the workload that is: a running one before others, then the oldest; or ``every`` one."""
    if "/" not in word or word.partition("/")[0] in POD_WORDS:
        return [find_pod(app, namespace, pod_name(word))]
    (one,) = asked([word])
    (value,) = one.resource.read(app, namespace, one.names)
    pods = pods_of(app, value) if one.resource.words.kind in WORKLOADS else []
    if not pods:
        raise UsageError(f"{word} has no pods")
    if every:
        return pods
    chosen = min(pods, key=lambda p: (p["status"].get("phase") != "Running", p["metadata"].get("creationTimestamp")))
    if len(pods) > 1:
        app.say(f"Found {len(pods)} pods, using pod/{chosen['metadata']['name']}")
    return [chosen]


def _containers(app: App, pod: Json, named: str | None, *, everything: bool) -> list[str]:
    """The containers to read; says which one was taken when there was a choice."""
    spec = pod.get("spec") or {}
    apps, ephemeral, inits = (
        [str(c["name"]) for c in spec.get(key) or ()] for key in ("containers", "ephemeralContainers", "initContainers")
    )
    if named and everything:
        raise UsageError("--all-containers=true should not be specified with container name " + named)
    if named:
        return [named]
    if everything:
        return [*inits, *apps, *ephemeral]
    return [logged_container(Pod.from_json(pod), app.say)]


def _forgiving(app: App, read: _Read, sources: Sequence[_Source]) -> Iterator[Sequence[LogLine]]:
    """One after the other; what cannot be read is told and left out."""
    for source in sources:
        try:
            yield from read(source, None)
        except RunnerError as error:
            app.say(f"error: {error.message}")


def _in_turn(
    app: App, read: _Read, sources: Sequence[_Source], failures: Failures, *, announces: bool
) -> Iterator[Sequence[LogLine]]:
    """One after the other; ``announces`` which attempt comes, on standard error, since standard output is the containers'."""
    for source in sources:
        _, container, number = source
        if announces and number is not None:
            app.say(f"==> {container}, attempt {number} <==")
        with failures.go_on():
            yield from read(source, None)


def _merged(app: App, read: _Read, sources: Sequence[_Source], told: list[RunnerError]) -> Iterator[Sequence[LogLine]]:
    """Lines of several containers as they come; one that cannot be read is told at once, and the others go on."""
    found: queue.Queue[Sequence[LogLine] | None] = queue.Queue(_MOST_WAITING)
    from runner.api.options import StopRequest

    stop = StopRequest()

    def on_stop(end: Callable[[], None]) -> None:
        stop.subscribe(end)
        if stop.requested:  # It may have come before.
            end()

    def follow(source: _Source) -> None:
        try:
            for lines in read(source, on_stop):
                found.put(lines)
        except RunnerError as error:
            app.say(f"error: {error.message}")
            told.append(error)
        finally:
            found.put(None)

    names = [f"logs of {source}" for source in sources]
    threads = [
        threading.Thread(target=follow, args=(source,), name=name, daemon=True)
        for source, name in zip(sources, names, strict=True)
    ]
    for thread in threads:
        thread.start()
    open_streams = len(sources)
    try:
        while open_streams:
            lines = found.get()
            if lines is None:
                open_streams -= 1
            else:
                yield lines
    finally:
        stop.request()
        _see_off(threads, found, Countdown(app.clock, _END_SECONDS))


def _see_off(
    threads: Sequence[threading.Thread], found: queue.Queue[Sequence[LogLine] | None], patience: Countdown
) -> None:
    """Wait for those who read, taking from them what nobody wants any more; an Engine that hangs keeps nobody."""
    for thread in threads:
        while thread.is_alive() and not patience.is_over:
            with suppress(queue.Empty):
                found.get(timeout=patience.within(_LOOK_SECONDS))

"""Everything about attempts as text: what each waited for, the calls to the Engine, its end, its output, what it changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from runner.core.history.attempt import Attempt, Doing
from runner.core.history.differences import in_words
from runner.core.history.record import CallMade, PodRecord
from runner.core.text.times import format_micro_time
from runner.render.records.attempts import attempt_data, awaited, head, reason_of, seconds

SHOWN_LINES = 20
"""Lines of output of each attempt that a text shows, the last ones."""
SIGNALS = {1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL",
           11: "SIGSEGV", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM"}  # fmt: skip
_ABOVE = 128


def trace_text(record: PodRecord, found: Sequence[Attempt], *, with_sandbox: bool) -> str:
    """One paragraph for each attempt; ``with_sandbox``: and one for what concerns the pod as a whole."""
    run = f", run {record.run}" if record.run else ""
    parts = [f"pod {record.namespace}/{record.name}{run}, from {format_micro_time(record.began_at)}\n"]
    if with_sandbox:
        calls = [one for one in record.calls if one.container in ("", "POD")]
        parts.append("\n".join(["pod and sandbox", *(_line(*item) for item in _calls(record, calls))]) + "\n")
    parts += ["\n".join(_attempt(record, one)) + "\n" for one in found]
    return "\n".join(parts)


def _attempt(record: PodRecord, one: Attempt) -> Iterator[str]:
    yield f"{one.container}, attempt {one.number}{_image(one)}"
    calls = [call for call in record.calls if _is_of(record, call, one)]
    items = [*_stretches(one), *_calls(record, calls), *((mark.at, f"{mark.kind}  {mark.text}") for mark in one.marks)]
    if one.exit_code is not None:
        items.append((one.finished if one.finished is not None else one.began, end_of(one)))
    for at, text in sorted(items, key=lambda item: item[0]):
        yield _line(at, text)
    yield from _volumes(record, one)
    yield from _log(record, one)


def _image(one: Attempt) -> str:
    return f"  {one.image}" if one.image else ""


def _is_of(record: PodRecord, call: CallMade, one: Attempt) -> bool:
    """Whether a call was made for an attempt; one that names no attempt, as of an image, belongs to whatever went on then."""
    if call.container != one.container or call.attempt is not None:
        return call.container == one.container and call.attempt == one.number
    at = record.seconds(call.at)
    return any(part.begin <= at < part.end for part in one.stretches)


def _stretches(one: Attempt) -> Iterator[tuple[float, str]]:
    for part in one.stretches:
        length = seconds(part.seconds)
        match part.doing:
            case Doing.RUNNING:
                text = f"ran {length}" if not one.is_running else f"runs, {length} so far"
            case Doing.PULLING:
                text = f"pulled for {length}"
            case _:
                reason = f" ({part.reason})" if part.reason and part.reason != awaited(part) else ""
                text = f"waited {length} for {awaited(part) or 'its turn'}{reason}"
        yield part.begin, text
        if part.message:
            yield part.begin, f"  {part.message}"


def _calls(record: PodRecord, calls: Sequence[CallMade]) -> Iterator[tuple[float, str]]:
    for call in calls:
        outcome = "" if call.outcome == "ok" else f"  {call.outcome}"
        yield record.seconds(call.at), f"{call.verb}  {seconds(call.seconds)}{outcome}"


def end_of(one: Attempt) -> str:
    """The exit code, with the signal that it stands for and the reason."""
    code = one.exit_code or 0
    signal = SIGNALS.get(one.signal or code - _ABOVE, "") if code > _ABOVE or one.signal else ""
    texts = [f"exit {code}", signal, reason_of(one)]
    message = f": {one.message.strip()}" if one.message.strip() else ""
    return "  ".join(text for text in texts if text) + message


def _line(at: float, text: str) -> str:
    first, *rest = text.splitlines() or [""]
    lines = [f"{at:+10.3f}s  {first}", *(f"{'':13}{line}" for line in rest)]
    return "\n".join(lines)


def _volumes(record: PodRecord, one: Attempt) -> Iterator[str]:
    changes = record.volumes.get((one.container, one.number))
    if changes is None:
        return
    note = record.volume_notes.get((one.container, one.number), "")
    yield f"  volumes: {len(changes)} {'change' if len(changes) == 1 else 'changes'}{f' ({note})' if note else ''}"
    for change in changes:
        yield f"    {change.volume}/{change.path}: {in_words(change)}"
        yield from (f"      {line}" for line in change.diff.splitlines())


def _log(record: PodRecord, one: Attempt) -> Iterator[str]:
    lines = record.log(one.container, one.number).decode(errors="replace").splitlines()
    if not lines:
        return
    more = len(lines) - SHOWN_LINES
    where = f"; the last {SHOWN_LINES}, podrunner logs --attempt {one.number} has all" if more > 0 else ""
    yield f"  output: {len(lines)} {'line' if len(lines) == 1 else 'lines'}{where}"
    yield from (f"    {line.partition(' ')[2]}" for line in lines[-SHOWN_LINES:])


def trace_data(record: PodRecord, found: Sequence[Attempt]) -> dict[str, Any]:
    """The same for programs, with whole outputs."""
    return {**head(record), "attempts": [_data(record, one) for one in found]}


def _data(record: PodRecord, one: Attempt) -> dict[str, Any]:
    key = (one.container, one.number)
    return {
        **attempt_data(record, one),
        "calls": [
            {
                "time": format_micro_time(call.at),
                "seconds": round(call.seconds, 6),
                "verb": call.verb,
                "outcome": call.outcome,
            }
            for call in record.calls
            if _is_of(record, call, one)
        ],
        "volumes": volumes_data(record, one),
        "volumesNote": record.volume_notes.get(key, ""),
        "output": record.log(*key).decode(errors="replace"),
    }


def volumes_data(record: PodRecord, one: Attempt) -> list[dict[str, Any]] | None:
    """What it changed in the volumes that it shares, None when nobody looked."""
    changes = record.volumes.get((one.container, one.number))
    if changes is None:
        return None
    from msgspec import to_builtins

    return [{**to_builtins(change), "what": change.what} for change in changes]

"""Scripts with the line ends of Windows."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runner.core.explain.case import Case, Subject
from runner.core.explain.finding import Cause, Certainty, Finding, Quote
from runner.core.model import EMPTY

_CARRIAGE = re.compile(r"(?:\\r|\r|\^M)(?=['\"`:]|\s*$|: )")
_NOT_SAID = re.compile(
    r"no such file or directory|not found|bad interpreter|syntax error|illegal option|invalid option|bad number",
    re.IGNORECASE,
)
_NO_INTERPRETER = re.compile(r"no such file or directory|bad interpreter|not found", re.IGNORECASE)
_THEN = "write it with Unix' line ends (dos2unix, or `* text=auto eol=lf` in .gitattributes)"


def carriage_returns(case: Case) -> Iterator[Finding]:
    """A shell complains of a carriage return, or a script that is run has them."""
    for subject in case.unwell:
        if subject.exit_code is None:
            continue
        file = _written_with(case, subject)
        said = next((line for line, _ in subject.says(_CARRIAGE) if _NOT_SAID.search(line.text)), None)
        if file is not None:
            where, key, has_mark = file
            quotes = [Quote(where, "#!…\\r\\n" if has_mark else "…\\r\\n")]
            quotes += [said.quote()] if said is not None else [line.quote() for line in subject.lines[-1:]]
            sentence = f"{key}, which {subject.title} runs, has the line ends of Windows: its lines end with \\r"
            certainty = Certainty.CERTAIN if has_mark and _complains(subject) else Certainty.LIKELY
            yield subject.finding(Cause.CRLF_SCRIPT, certainty, sentence, _THEN, *quotes)
        elif said is not None:
            sentence = f"a script that {subject.title} runs has the line ends of Windows: its lines end with \\r"
            yield subject.finding(Cause.CRLF_SCRIPT, Certainty.LIKELY, sentence, _THEN, said.quote())


def _complains(subject: Subject) -> bool:
    """Whether the last words, or the runtime's, are those that a carriage return behind ``#!`` brings about."""
    said = [line.text for line in subject.lines[-3:]]
    error = subject.start_error
    return any(_NO_INTERPRETER.search(text) for text in (*said, error.text if error is not None else ""))


def _written_with(case: Case, subject: Subject) -> tuple[str, str, bool] | None:
    """A script of a known ConfigMap that the container runs and that has carriage returns: where, its key, whether at #!."""
    for mount in subject.mounts:
        found = case.object("ConfigMap", str(mount.source.get("name"))) if mount.kind == "configMap" else None
        for key, text in ((found or EMPTY).get("data") or EMPTY).items():
            is_run = f"{mount.path}/{key}" in subject.script or any(key in line.text for line in subject.lines)
            if "\r\n" in str(text) and is_run:
                first = str(text).partition("\n")[0]
                return (
                    f"ConfigMap {mount.source.get('name')}, key {key}",
                    key,
                    first.startswith("#!") and first.endswith("\r"),
                )
    return None

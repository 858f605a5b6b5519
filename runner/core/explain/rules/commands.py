"""Commands that cannot be run: not there, not executable, of another architecture, a wrong working directory."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runner.core.explain.case import Case, Line, Subject
from runner.core.explain.finding import Cause, Certainty, Finding, Quote
from runner.core.explain.words import one_line, same

_FORMAT = re.compile(
    r"(?:exec (?:user process caused: )?\"?(?P<path>/?[^\s:\"]*)\"?: )?exec (?:user process caused[^e]*)?format error",
    re.IGNORECASE,
)
_IN_PATH = re.compile(
    r'exec: \\?"(?P<path>[^"\\]*)\\?":? (?:executable file )?not found in \$PATH|'
    r'exec: "(?P<other>[^"]*)": executable file not found'
)
_NO_FILE = re.compile(
    r'(?:exec:? \\?"?(?P<path>[^\s":\\]+)\\?"?: (?:stat \S+: )?no such file or directory|'
    r"(?:stat|fork/exec) (?P<other>\S+): no such file or directory)"
)
_DENIED = re.compile(
    r'(?:exec:? \\?"?(?P<path>[^\s":\\]+)\\?"?: |fork/exec (?P<other>\S+): )(?:permission denied|is a directory)'
)
_CHDIR = re.compile(r'(?:chdir to cwd \(\\?"(?P<path>[^"\\]+)|cwd[^"]*\\?"(?P<other>[^"\\]+))')
_MOUNT = re.compile(
    r"trying to mount a directory onto a file|not a directory: unknown|mounting .* not a directory", re.IGNORECASE
)
_TARGET = re.compile(r'at \\*"(/[^"\\]+)')
_SHELL = re.compile(r"(?:^|: |\d+: )(?P<name>[\w./+-]+): (?:command )?not found\s*$")
_SHELL_DENIED = re.compile(r"(?:^|: |\d+: )(?P<name>[\w./+-]*/[\w./+-]+): [Pp]ermission denied\s*$")
_SCRIPTS = (".sh", ".py", ".pl", ".rb", "entrypoint")
_PROGRAMS = frozenset(
    {"sh", "bash", "ash", "dash", "busybox", "env", "python", "python3", "node", "java", "perl", "ruby"}
)
"""What is a program and no script, so that only another architecture makes it unreadable."""


def _path(match: re.Match[str]) -> str:
    found = match.groupdict()
    return str(found.get("path") or found.get("other") or "")


def _said(subject: Subject) -> list[Line]:
    """Where a runtime says that it cannot run something: the status, or the log, where newer ones put it."""
    error = subject.start_error
    said = [line for line in subject.lines[-3:] if line.text.startswith(("exec ", "standard_init_linux", "runc:"))]
    return ([error] if error is not None else []) + said


def architecture(case: Case) -> Iterator[Finding]:
    """The kernel does not know the format of the program."""
    for subject in case.unwell:
        for line in [*_said(subject), *(line for line, _ in subject.says(_FORMAT))]:
            match = _FORMAT.search(line.text)
            if match:
                yield _format(case, subject, line, _path(match))
                break


def _format(case: Case, subject: Subject, line: Line, path: str) -> Finding:
    what = path or (subject.command[0] if subject.command else "the image's command")
    image = str(subject.spec.get("image") or "")
    is_mounted = path.startswith("/") and subject.mount_of(path) is not None
    if is_mounted or path.endswith(_SCRIPTS):
        sentence = (
            f"{what}, which {subject.title} runs, is no program for this machine, or a script without a first line #!"
        )
        then = f"begin the script with #!/bin/sh, or run it by its interpreter: command: [sh, {what}]"
        return subject.finding(Cause.NOT_EXECUTABLE, Certainty.LIKELY, sentence, then, line.quote())
    here = f" ({case.evidence.architecture})" if case.evidence.architecture else ""
    sentence = f"image {image} of {subject.title} was made for another architecture than this machine's{here}"
    then = "build or choose the image for this architecture: `docker buildx build --platform …`"
    is_sure = path.rpartition("/")[2] in _PROGRAMS
    certainty = Certainty.CERTAIN if is_sure else Certainty.LIKELY
    return subject.finding(Cause.WRONG_ARCHITECTURE, certainty, sentence, then, line.quote(), is_final=is_sure)


def not_found(case: Case) -> Iterator[Finding]:
    """The runtime, or a shell, does not find a command."""
    for subject in case.unwell:
        found = next((pair for line in _said(subject) if (pair := _unfound(line)) is not None), None)
        if found is not None:
            yield _missing(subject, *found)
        elif subject.exit_code == 127:
            said = next(subject.says(_SHELL), None)
            if said is not None:
                yield _missing(subject, said[0], said[1]["name"], Certainty.LIKELY)
            else:
                sentence = f"{subject.title} ran a command that its image does not have (exit code 127)"
                then = "see which one in its log, and whether the image has it on its PATH"
                yield subject.finding(Cause.COMMAND_NOT_FOUND, Certainty.POSSIBLE, sentence, then, subject.quote_end())


def _unfound(line: Line) -> tuple[Line, str, Certainty] | None:
    """What a runtime does not find. Of a file that is there it says the same when its interpreter or loader is not."""
    match = _IN_PATH.search(line.text) or _NO_FILE.search(line.text)
    if match is None or _CHDIR.search(line.text):
        return None
    is_sure = "stat " in line.text or "$PATH" in line.text
    return line, _path(match) or "of an empty name", Certainty.CERTAIN if is_sure else Certainty.LIKELY


def _missing(subject: Subject, line: Line, name: str, certainty: Certainty) -> Finding:
    image = str(subject.spec.get("image") or "")
    mount = subject.mount_of(name) if name.startswith("/") else None
    sentence = f"image {image} of {subject.title} has no command {name}"
    if certainty is Certainty.LIKELY and "/" in name:
        sentence += ", or not the interpreter or loader that it needs"
    then = f"correct the command, or use an image that has {name}"
    if mount is not None:
        sentence = f"{subject.title} runs {name}, and volume {mount.volume} has no such file, or not its interpreter"
        then = f"see what is in the volume, and which interpreter the first line of {name} names"
    elif " " in name:
        sentence = f"{subject.title} asks for one command of the name {name!r}"
        then = "give each word its own item of the list, or run a shell: command: [sh, -c, …]"
    elif name in ("sh", "bash", "/bin/sh", "/bin/bash"):
        then = "use an image with a shell, or call the program without one"
    if subject.command:
        where = f"{subject.field}.{'command' if subject.spec.get('command') else 'args'}"
        return subject.finding(
            Cause.COMMAND_NOT_FOUND,
            certainty,
            sentence,
            then,
            line.quote(),
            Quote(where, one_line(list(subject.command), 120)),
        )
    return subject.finding(Cause.COMMAND_NOT_FOUND, certainty, sentence, then, line.quote())


def not_executable(case: Case) -> Iterator[Finding]:
    """A command is there and may not be executed."""
    for subject in case.unwell:
        pairs = ((line, match) for line in _said(subject) if (match := _DENIED.search(line.text)))
        found = next(pairs, None)
        certainty = Certainty.CERTAIN
        if found is None and subject.exit_code == 126:
            found, certainty = next(subject.says(_SHELL_DENIED), None), Certainty.LIKELY
        if found is None:
            continue
        line, match = found
        name = same(match.groupdict().get("name") or _path(match))
        mount = subject.mount_of(name)
        then = f"make it executable in the image (chmod +x {name}), or run it by its interpreter"
        if mount is not None and mount.kind in ("configMap", "secret", "projected"):
            then = f"set defaultMode: 0755 of volume {mount.volume}, or run it by its interpreter: [sh, {name}]"
        elif mount is not None:
            then = f"chmod +x {name} in the container that writes it, or run it by its interpreter"
        sentence = f"{name}, which {subject.title} runs, is not executable"
        yield subject.finding(Cause.NOT_EXECUTABLE, certainty, sentence, then, line.quote())


def working_directory(case: Case) -> Iterator[Finding]:
    """The working directory is not there, or not a directory."""
    for subject in case.unwell:
        error = subject.start_error
        match = _CHDIR.search(error.text) if error is not None else None
        if error is not None and match is not None:
            sentence = f"the working directory {_path(match)} of {subject.title} cannot be entered"
            then = f"correct {subject.field}.workingDir, or the user that may not enter it"
            yield subject.finding(Cause.WORKING_DIRECTORY, Certainty.CERTAIN, sentence, then, error.quote())


def mounted_onto(case: Case) -> Iterator[Finding]:
    """A volume, which is a directory, is to cover a file of the image, or the other way round."""
    for subject in case.unwell:
        error = subject.start_error
        if error is None or not _MOUNT.search(error.text):
            continue
        match = _TARGET.search(error.text)
        targets = [same(one) for one in _TARGET.findall(error.text) if subject.mount_of(same(one))]
        path = targets[0] if targets else match[1] if match else "its mountPath"
        mount = subject.mount_of(path)
        key = path.rpartition("/")[2]
        sentence = f"{subject.title} mounts a directory onto a file, or a file onto a directory, at {path}"
        then = "mount the volume at a directory of its own"
        if mount is not None and mount.path == path and not mount.sub_path:
            then = f"add subPath: {key} to the volumeMount at {path}, or mount the volume at a directory of its own"
        elif mount is not None and mount.sub_path:
            then = f"see that the volume has a file {mount.sub_path}: subPath makes a directory of what is missing"
        yield subject.finding(Cause.MOUNT_TYPE, Certainty.CERTAIN, sentence, then, error.quote())

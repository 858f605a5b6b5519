"""Files that are not where a container looks for them, and disks that are full."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runner.core.explain.case import Case, Line, Mount, Subject
from runner.core.explain.finding import Cause, Certainty, Finding, Quote
from runner.core.explain.rules.exits import last_words
from runner.core.explain.words import listed, near, one_line, same
from runner.core.model import EMPTY

_MISSING = re.compile(
    r"no such file or directory|cannot stat|FileNotFound|ENOENT|cannot open|can't open|does not exist|NoSuchFile",
    re.IGNORECASE,
)
_PATH = re.compile(r"(?<![\w.:/-])/[\w.@+~-]+(?:/[\w.@+~-]*)*")
_TARGET = re.compile(r"(?:>>?|\btee(?: -a)?|\btouch|-[oO]|--output[= ])\s*['\"]?(/[\w./@+~-]+)")
_COPY = re.compile(r"\b(?:cp|mv|install|ln -s)\b[^;&|\n]*?\s(/[\w./@+~-]+)\s*(?:$|[;&|\n])")
_FULL = re.compile(r"no space left on device|ENOSPC|disk quota exceeded", re.IGNORECASE)
_SHARED = ("emptyDir", "persistentVolumeClaim", "hostPath", "ephemeral")
_ACCESS = re.compile(r"unable to access jarfile|cannot find module", re.IGNORECASE)
_KERNEL = ("/dev/", "/proc/", "/sys/")
_NOT_STARTED = (126, 127)
"""Exit codes that are about the program itself."""
_EXEC = re.compile(r"^exec |exec: ")


def missing(case: Case) -> Iterator[Finding]:
    """A file is missing on a volume: another container wrote it under another name, or nobody did."""
    for subject in case.unwell:
        for line, _ in subject.says(_MISSING):
            paths = [same(one) for one in _PATH.findall(line.text)]
            found = next(
                ((path, mount) for path in paths if (mount := subject.mount_of(path)) and path != mount.path), None
            )
            if found is not None and not _EXEC.search(line.text):
                yield _judged(case, subject, line, *found)
                break
        else:
            yield from _in_image(subject)


def _in_image(subject: Subject) -> Iterator[Finding]:
    """The last error is about a file that is on no volume: only the image could have it."""
    line = last_words(subject)
    if line is None or subject.exit_code in (None, *_NOT_STARTED) or _EXEC.search(line.text):
        return
    if not _MISSING.search(line.text) and not _ACCESS.search(line.text):
        return
    paths = [same(one) for one in _PATH.findall(line.text) if not one.startswith(_KERNEL)]
    if paths and subject.mount_of(paths[-1]) is None:
        sentence = (
            f"{subject.title} does not find {paths[-1]}, which is on none of its volumes: its image has no such file"
        )
        then = f"put it into image {subject.spec.get('image')}, mount a volume that has it, or look for another name"
        yield subject.finding(Cause.FILE_MISSING, Certainty.POSSIBLE, sentence, then, line.quote())


def _judged(case: Case, subject: Subject, line: Line, path: str, mount: Mount) -> Finding:
    wanted = mount.inside(path)
    if mount.kind in ("configMap", "secret"):
        return _of_object(case, subject, line, path, mount)
    writers = [
        one for one in case.containers if one is not subject and any(m.volume == mount.volume for m in one.mounts)
    ]
    written = {name: (one, quote) for one in writers for name, quote in _written(case, one, mount.volume)}
    other = near(wanted, written)
    if wanted not in written and other:
        writer, quote = written[other]
        sentence = f"{subject.title} looks for {wanted} on volume {mount.volume}, where {writer.title} wrote {other}"
        then = f"let both use the same name: {path}"
        return subject.finding(Cause.FILE_NAME, Certainty.LIKELY, sentence, then, line.quote(), quote)
    sentence = (
        f"{subject.title} does not find {path}: it is on volume {mount.volume} "
        f"({mount.kind}), where nobody has written it yet"
    )
    then = "write it in an init container, or see what the volume holds"
    if mount.kind == "emptyDir" and not written:
        then = f"write it in an init container; what the image has below {mount.path} is hidden by the volume"
    quotes = [Quote(f"written to volume {mount.volume}", listed(written))] if written else []
    return subject.finding(Cause.FILE_MISSING, Certainty.POSSIBLE, sentence, then, line.quote(), *quotes)


def _of_object(case: Case, subject: Subject, line: Line, path: str, mount: Mount) -> Finding:
    """The files of a ConfigMap or Secret are its keys."""
    kind = "ConfigMap" if mount.kind == "configMap" else "Secret"
    name = str(mount.source.get("name") or mount.source.get("secretName") or "")
    found = case.object(kind, name) or EMPTY
    items = [str(one.get("path")) for one in mount.source.get("items") or ()]
    keys = items or [*(found.get("data") or EMPTY), *(found.get("binaryData") or EMPTY)]
    other = near(mount.inside(path), keys)
    sentence = f"{subject.title} does not find {path}: {kind} {name} has no such key"
    then = f"add the key to {kind} {name}, or look for another name"
    if other:
        sentence = f"{subject.title} looks for {path}, and {kind} {name} has {other}"
        then = f"let both use the same name: {mount.path}/{other}, or rename the key"
    quotes = [Quote(f"keys of {kind} {name}", listed(keys))] if keys else []
    certainty = Certainty.LIKELY if keys and mount.inside(path) not in keys else Certainty.POSSIBLE
    return subject.finding(
        Cause.FILE_NAME if other else Cause.FILE_MISSING, certainty, sentence, then, line.quote(), *quotes
    )


def _written(case: Case, writer: Subject, volume: str) -> Iterator[tuple[str, Quote]]:
    """What a container is known to have written to a volume: seen there, else as its command says."""
    for one in case.evidence.written:
        if one.container == writer.name and one.volume == volume:
            yield one.path, Quote(f"written by {writer.name} to volume {volume}", one.path)
    for path in [*_TARGET.findall(writer.script), *_COPY.findall(writer.script)]:
        mount = writer.mount_of(path)
        if mount is not None and mount.volume == volume and mount.inside(path) and mount.kind in _SHARED:
            yield mount.inside(path), Quote(f"{writer.field}.command", one_line(writer.script, 160))


def full(case: Case) -> Iterator[Finding]:
    """No room is left."""
    for subject in case.unwell:
        said = next((line for line, _ in subject.says(_FULL)), None)
        if said is None:
            continue
        paths = [same(one) for one in _PATH.findall(said.text)]
        mount = next((found for path in paths if (found := subject.mount_of(path))), None)
        limit = mount.source.get("sizeLimit") if mount is not None else None
        where = f"volume {mount.volume}" if mount is not None else "the disk"
        sentence = f"{subject.title} finds {where} full{f' (sizeLimit {limit})' if limit else ''}"
        then = "raise sizeLimit" if limit else "make room: a larger volume, or fewer images and logs on the node"
        yield subject.finding(Cause.DISK_FULL, Certainty.LIKELY, sentence, then, said.quote())

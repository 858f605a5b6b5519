"""Files that a container may not read or write: owners and modes of volumes, changes of owners, the image's own files."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runner.core.explain.case import Case, Line, Mount, Subject
from runner.core.explain.finding import Cause, Certainty, Finding, Quote
from runner.core.explain.words import one_line, same

_DENIED = re.compile(r"permission ?denied|operation not permitted|EACCES|EPERM|access ?denied(?= .*/)", re.IGNORECASE)
_PATH = re.compile(r"(?<![\w.:/-])/[\w.@+~-]+(?:/[\w.@+~-]*)*")
_OWNER = re.compile(r"\b(chown|chgrp|chmod)\b|changing (ownership|group|permissions)", re.IGNORECASE)
_NOT_FILES = re.compile(
    r"^exec |\bbind\b|listen|socket: |iptables|sysctl|permission denied for (table|"
    r"relation|schema|database|sequence)|publickey|password",
    re.IGNORECASE,
)
_MODES = {"configMap": "defaultMode", "secret": "defaultMode", "projected": "defaultMode", "downwardAPI": "defaultMode"}


def denied(case: Case) -> Iterator[Finding]:
    """The kernel refuses a container a file."""
    for subject in case.unwell:
        said = next((line for line, _ in subject.says(_DENIED) if not _NOT_FILES.search(line.text)), None)
        if said is None:
            continue
        path = _path(subject, said)
        if _OWNER.search(said.text) or (not path and _OWNER.search(subject.script)):
            yield _owner(subject, said, path)
        elif path:
            yield _file(subject, said, path)


def _path(subject: Subject, line: Line) -> str:
    """The path that a line is about: one on a volume before others, the last before the first."""
    found = [same(one) for one in _PATH.findall(line.text.partition("enied")[0] or line.text)]
    found = found or [same(one) for one in _PATH.findall(line.text)]
    on_volumes = [one for one in found if subject.mount_of(one) is not None]
    return (on_volumes or found or [""])[-1]


def _uid(subject: Subject) -> tuple[str, list[Quote]]:
    user, where = subject.user()
    number = subject.setting("runAsUser")[0]
    return user, [Quote(where, str(number))] if where else []


def _owner(subject: Subject, line: Line, path: str) -> Finding:
    """chown as somebody who is not root; CAP_CHOWN may be missing as well."""
    user, quotes = _uid(subject)
    number, _ = subject.setting("runAsUser")
    what = f"of {path}" if path else "of files"
    drops = ((subject.spec.get("securityContext") or {}).get("capabilities") or {}).get("drop") or ()
    if number in (None, 0) and "ALL" in drops:
        sentence = f"{subject.title} is to change the owner {what}, and its capabilities are dropped"
        then = f"add CHOWN and FOWNER to {subject.field}.securityContext.capabilities.add, or drop the container and set fsGroup"
        quotes.append(Quote(f"{subject.field}.securityContext.capabilities.drop", one_line(drops)))
        return subject.finding(Cause.CHOWN_NOT_ROOT, Certainty.LIKELY, sentence, then, line.quote(), *quotes)
    mount = subject.mount_of(path) if path else None
    if number in (None, 0):
        sentence = f"{subject.title} may not change the owner {what}: it is not root, or the volume does not let it"
        then = "leave the container out and set spec.securityContext.fsGroup, or change the owner where the volume comes from"
        certainty = Certainty.LIKELY if mount is not None else Certainty.POSSIBLE
        return subject.finding(Cause.CHOWN_NOT_ROOT, certainty, sentence, then, line.quote(), *quotes)
    sentence = f"{subject.title} is to change the owner {what}, which only root may, and it runs as {user}"
    then = (
        f"set {subject.field}.securityContext to runAsUser: 0, runAsNonRoot: "
        "false; or leave it out and set spec.securityContext.fsGroup"
    )
    return subject.finding(Cause.CHOWN_NOT_ROOT, Certainty.LIKELY, sentence, then, line.quote(), *quotes)


def _file(subject: Subject, line: Line, path: str) -> Finding:
    user, quotes = _uid(subject)
    mount = subject.mount_of(path)
    if mount is None:
        sentence = f"{subject.title} runs as {user}, who may not use {path} of its image"
        then = (
            "run it as the user that the image is made for, give that path "
            "to the user in the image, or mount an emptyDir there"
        )
        return subject.finding(Cause.IMAGE_PERMISSION, Certainty.LIKELY, sentence, then, line.quote(), *quotes)
    group = (subject.case.spec.get("securityContext") or {}).get("fsGroup")
    quotes.append(Quote("spec.securityContext.fsGroup", "not set" if group is None else str(group)))
    sentence = f"{subject.title} runs as {user}, who may not use {path} on volume {mount.volume} ({_named(mount)})"
    then = _remedy(subject, mount, group)
    return subject.finding(Cause.VOLUME_PERMISSION, Certainty.LIKELY, sentence, then, line.quote(), *quotes)


def _named(mount: Mount) -> str:
    name = (
        mount.source.get("claimName")
        or mount.source.get("name")
        or mount.source.get("secretName")
        or mount.source.get("path")
    )
    return f"{mount.kind} {name}" if name else mount.kind


def _remedy(subject: Subject, mount: Mount, group: object) -> str:
    number, _ = subject.setting("runAsUser")
    if mount.kind == "hostPath":
        return f"change the owner of {mount.source.get('path')} on the node: fsGroup does nothing for hostPath"
    if mount.kind in _MODES:
        mode = mount.source.get(_MODES[mount.kind])
        seen = f" (it is 0{mode:o})" if isinstance(mode, int) else ""
        return (
            f"set {_MODES[mount.kind]}: 0444 of volume {mount.volume}{seen}, or 0440 with spec.securityContext.fsGroup"
        )
    if group is not None:
        return (
            f"fsGroup {group} is set: see that the volume's driver heeds it "
            "(NFS and hostPath do not), and which modes the files have"
        )
    return (
        f"set spec.securityContext.fsGroup: {number if number is not None else 'GID'}, "
        "so that the volume belongs to the pod's group"
    )

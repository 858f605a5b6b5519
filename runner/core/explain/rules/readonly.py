"""What may not be written or set: read-only roots and volumes, kernel parameters and networks without the privilege."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runner.core.explain.case import Case, Line, Subject
from runner.core.explain.finding import Cause, Certainty, Finding, Quote
from runner.core.explain.words import same

_READ_ONLY = re.compile(r"read-?only file ?system|EROFS|ReadOnlyFilesystem", re.IGNORECASE)
_PATH = re.compile(r"(?<![\w.:/-])/[\w.@+~-]+(?:/[\w.@+~-]*)*")
_KERNEL = re.compile(r"sysctl: |/proc/sys|\bvm\.max_map_count\b.*(denied|read-only)", re.IGNORECASE)
_NETWORK = re.compile(
    r"iptables.*(denied|not permitted|you must be root)|RTNETLINK answers: Operation not permitted|"
    r"can't initialize iptables|ip6?tables-restore.*not permitted",
    re.IGNORECASE,
)
_MOUNT = re.compile(
    r"mount: .*(permission denied|must be superuser|operation not permitted)|mount\(\).*not permitted", re.IGNORECASE
)
_REFUSED = re.compile(r"denied|not permitted|read-only|must be root|superuser|can't initialize", re.IGNORECASE)
_PROGRAM_FILE = re.compile(r"\.\w{1,4}:\d+")
_WRITTEN = ("configMap", "secret", "projected", "downwardAPI")


def privileges(case: Case) -> Iterator[Finding]:
    """What only a privileged container may do."""
    table = (
        (_KERNEL, "a kernel parameter", (
            "set it on the node (or spec.securityContext.sysctls where it is a safe one), "
            "or set {field}.securityContext.privileged: true"
        )),
        (_NETWORK, "the pod's network", "add NET_ADMIN to {field}.securityContext.capabilities.add and run it as root"),
        (_MOUNT, "mounts", "have Kubernetes mount it (a volume), or set {field}.securityContext.privileged: true"),
    )  # fmt: skip
    for subject in case.unwell:
        for pattern, what, then in table:
            said = next((line for line, _ in subject.says(pattern) if _REFUSED.search(line.text)), None)
            if said is None:
                continue
            has, where = subject.setting("privileged")
            sentence = f"{subject.title} changes {what}, and lacks the privilege"
            quote = Quote(where if has else f"{subject.field}.securityContext.privileged", "true" if has else "not set")
            certainty = Certainty.POSSIBLE if has else Certainty.LIKELY
            advice = then.format(field=subject.field)
            yield subject.finding(Cause.NEEDS_PRIVILEGE, certainty, sentence, advice, said.quote(), quote)
            break


def read_only(case: Case) -> Iterator[Finding]:
    """A write meets a read-only file system: the container's root, or a volume."""
    for subject in case.unwell:
        said = next((line for line, _ in subject.says(_READ_ONLY)), None)
        if said is None or _KERNEL.search(said.text):
            continue
        paths = [same(one) for one in _PATH.findall(said.text) if not _PROGRAM_FILE.search(one)]
        on_volume = [one for one in paths if subject.mount_of(one) is not None]
        if on_volume:
            yield _volume(subject, said, on_volume[-1])
        elif (subject.spec.get("securityContext") or {}).get("readOnlyRootFilesystem"):
            yield _root(subject, said, paths[-1] if paths else "")
        else:
            sentence = f"{subject.title} writes{f' {paths[-1]}' if paths else ''} where nothing may be written"
            then = "see which volume that is, and whether it is mounted or given out read-only"
            yield subject.finding(Cause.READ_ONLY_VOLUME, Certainty.POSSIBLE, sentence, then, said.quote())


def _volume(subject: Subject, said: Line, path: str) -> Finding:
    mount = subject.mount_of(path)
    assert mount is not None
    sentence = f"{subject.title} writes {path}, and volume {mount.volume} ({mount.kind}) is read-only"
    then = f"write somewhere else, or take readOnly from the volumeMount at {mount.path}"
    if mount.kind in _WRITTEN:
        then = f"copy what is needed to an emptyDir and write there: a {mount.kind} volume is always read-only"
    return subject.finding(
        Cause.READ_ONLY_VOLUME,
        Certainty.LIKELY,
        sentence,
        then,
        said.quote(),
        Quote(f"volume {mount.volume}", mount.kind),
    )


def _root(subject: Subject, said: Line, path: str) -> Finding:
    where = f"{subject.field}.securityContext.readOnlyRootFilesystem"
    sentence = f"{subject.title} writes {path or 'a file'} where no volume is, and its root file system is read-only"
    then = (
        f"mount an emptyDir at {path.rpartition('/')[0] or 'the directory that it writes to'} "
        "(often /tmp or a cache), or set readOnlyRootFilesystem: false"
    )
    certainty = Certainty.LIKELY
    return subject.finding(Cause.READ_ONLY_ROOT, certainty, sentence, then, said.quote(), Quote(where, "true"))

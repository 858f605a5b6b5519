"""ConfigMaps, Secrets, their keys and claims that the pod names and that are not there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runner.core.explain.case import Case, Subject
from runner.core.explain.finding import Cause, Certainty, Finding, Quote
from runner.core.explain.words import listed, near, one_line
from runner.core.model import EMPTY

_GONE = re.compile(r'\b(configmaps?|secrets?|persistentvolumeclaims?) "([^"]+)" not found', re.IGNORECASE)
_KEY = re.compile(r"couldn't find key (\S+) in (ConfigMap|Secret) ([^/\s]+)/(\S+)")
_ITEM = re.compile(r"references non-existent (config|secret) key: (\S+)")
_VOLUME = re.compile(r'for volume "([^"]+)"')
_KINDS = {"configmap": "ConfigMap", "secret": "Secret", "persistentvolumeclaim": "PersistentVolumeClaim"}
_CAUSES = {
    "ConfigMap": Cause.CONFIG_MISSING,
    "Secret": Cause.SECRET_MISSING,
    "PersistentVolumeClaim": Cause.CLAIM_MISSING,
}


def in_environment(case: Case) -> Iterator[Finding]:
    """A container cannot be configured for what its environment names (pkg/kubelet/kubelet_pods.go)."""
    for subject in case.unwell:
        if subject.waiting_reason != "CreateContainerConfigError":
            continue
        quote = subject.quote_status(reason=subject.waiting_reason, message=subject.waiting_message)
        yield from _found(case, subject.waiting_message, quote, subject)


def in_volumes(case: Case) -> Iterator[Finding]:
    """A volume cannot be made of what it names; that holds up every container."""
    event = case.told("FailedMount", "not found") or case.told("FailedMount", "references non-existent")
    if event is None or any(one.running or one.ended for one in case.containers):
        return
    yield from _found(case, str(event.get("message")), case.quote_event(event), None)


def claims(case: Case) -> Iterator[Finding]:
    """A claim is missing, or nothing is bound to it yet."""
    event = case.told("FailedScheduling", "ersistent")
    if event is None or case.spec.get("nodeName"):
        return
    message, quote = str(event.get("message")), case.quote_event(event)
    if _GONE.search(message):
        yield from _found(case, message, quote, None)
        return
    volumes = [one.get("persistentVolumeClaim") or EMPTY for one in case.spec.get("volumes") or ()]
    names = [str(one["claimName"]) for one in volumes if one.get("claimName")]
    wanted = names[0] if len(names) == 1 else ""
    claim = case.object("PersistentVolumeClaim", wanted)
    asked = (claim or EMPTY).get("spec") or EMPTY
    storage = f" of storage class {asked['storageClassName']}" if asked.get("storageClassName") else ""
    sentence = f"the pod's claim{f' {wanted}' if wanted else ''}{storage} has no volume yet"
    look = f"`kubectl describe pvc{f' {wanted}' if wanted else ''}`"
    then = f"see why: {look}; a class that exists or a volume of its size is missing"
    yield _pod(Cause.CLAIM_PENDING, sentence, then, quote)


def _found(case: Case, message: str, quote: Quote, subject: Subject | None) -> Iterator[Finding]:
    key, item = _KEY.search(message), _ITEM.search(message)
    gone = _GONE.search(message)
    if key is not None:
        yield _key_missing(case, key[2], key[4], key[1], quote, subject)
    elif item is not None:
        kind = "ConfigMap" if item[1] == "config" else "Secret"
        yield _key_missing(case, kind, _of_volume(case, message, kind), item[2], quote, subject)
    elif gone is not None:
        yield _object_missing(case, _KINDS[gone[1].lower().removesuffix("s")], gone[2], quote, subject)


def _of_volume(case: Case, message: str, kind: str) -> str:
    """The object that the volume of a message is made of, "" when it is one of several."""
    match = _VOLUME.search(message)
    volume = next((one for one in case.spec.get("volumes") or () if match and one.get("name") == match[1]), EMPTY)
    source = volume.get("configMap" if kind == "ConfigMap" else "secret") or EMPTY
    return str(source.get("name") or source.get("secretName") or "")


def _object_missing(case: Case, kind: str, name: str, quote: Quote, subject: Subject | None) -> Finding:
    evidence = [quote]
    other = near(name, case.names(kind))
    elsewhere = case.elsewhere(kind, name)
    then = f"create {kind} {name} in namespace {case.namespace}"
    if case.object(kind, name) is not None:
        then = f"{kind} {name} is there now: the next attempt finds it"
    elif elsewhere:
        then = f"copy it: there is a {kind} {name} in namespace {elsewhere}, and a pod sees its own namespace only"
    elif other:
        evidence.append(Quote(f"{kind}s of namespace {case.namespace}", listed(case.names(kind))))
        then = f"name {other} instead of {name}, if that is meant; or {then}"
    sentence = f"{kind} {name} does not exist in namespace {case.namespace}, and {_who(subject)} needs it"
    return _made(_CAUSES[kind], sentence, then, evidence, subject)


def _key_missing(case: Case, kind: str, name: str, key: str, quote: Quote, subject: Subject | None) -> Finding:
    evidence = [quote]
    found = case.object(kind, name) or EMPTY
    keys = [*(found.get("data") or EMPTY), *(found.get("binaryData") or EMPTY)]
    then = f"add the key {key} to {kind} {name}"
    if keys:
        evidence.append(Quote(f"keys of {kind} {name}", listed(keys)))
        other = near(key, keys) or (keys[0] if len(keys) == 1 else "")
        then = f"ask for key {other} instead, if that is meant; or {then}" if other else then
    sentence = f"{kind} {name or 'of the volume'} has no key {key}, and {_who(subject)} needs it"
    return _made(Cause.KEY_MISSING, sentence, then, evidence, subject)


def _who(subject: Subject | None) -> str:
    return "a volume of the pod" if subject is None else subject.title


def _made(cause: Cause, sentence: str, then: str, evidence: list[Quote], subject: Subject | None) -> Finding:
    if subject is not None:
        return subject.finding(cause, Certainty.CERTAIN, sentence, then, *evidence)
    return _pod(cause, sentence, then, *evidence)


def _pod(cause: Cause, sentence: str, then: str, *evidence: Quote) -> Finding:
    return Finding(cause=cause, certainty=Certainty.CERTAIN, sentence=sentence, next=then, evidence=evidence)


def other_mounts(case: Case) -> Iterator[Finding]:
    """Volumes that fail for another reason."""
    event = case.told("FailedMount") or case.told("FailedAttachVolume")
    if event is None or any(one.running or one.ended for one in case.containers):
        return
    message = str(event.get("message"))
    if _GONE.search(message) or _ITEM.search(message):
        return
    then = _mount_advice(message)
    volume = _VOLUME.search(message)
    which = f"volume {volume[1]}" if volume is not None else "a volume of the pod"
    text = one_line(message.partition(" : ")[2] or message, 140)
    yield _pod(Cause.MOUNT_FAILED, f"{which} cannot be mounted: {text}", then, case.quote_event(event))


def _mount_advice(message: str) -> str:
    if "hostPath type check failed" in message:
        return "give hostPath another path, or another type (DirectoryOrCreate makes it)"
    if "Multi-Attach" in message:
        return "end the pod on the other node that still has the volume, or use ReadWriteMany"
    return "mend what the message names; then the next attempt mounts it"

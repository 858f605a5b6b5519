"""Images that cannot be had: names, tags, registries' refusals."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runner.core.explain.case import Case, Subject
from runner.core.explain.finding import Cause, Certainty, Finding, Quote
from runner.core.explain.words import listed, near, one_line
from runner.core.model import EMPTY
from runner.core.reasons import WaitingReason

_WAITS = frozenset(
    {
        WaitingReason.ERR_IMAGE_PULL,
        WaitingReason.IMAGE_PULL_BACK_OFF,
        WaitingReason.ERR_IMAGE_NEVER_PULL,
        WaitingReason.INVALID_IMAGE_NAME,
        WaitingReason.IMAGE_INSPECT_ERROR,
        WaitingReason.REGISTRY_UNAVAILABLE,
        WaitingReason.SIGNATURE_VALIDATION_FAILED,
    }
)
_WORDS: tuple[tuple[re.Pattern[str], Cause], ...] = (
    (re.compile(r"invalid reference format|couldn't parse image|InvalidImageName", re.IGNORECASE), Cause.IMAGE_NAME_INVALID),
    (re.compile(r"pull policy of Never|ErrImageNeverPull"), Cause.IMAGE_NEVER_PULLED),
    (re.compile(r"no match(ing manifest| for platform)|does not match the .*platform", re.IGNORECASE), Cause.WRONG_ARCHITECTURE),
    (re.compile(r"toomanyrequests|rate limit|429 Too Many", re.IGNORECASE), Cause.REGISTRY_LIMIT),
    (re.compile(r"x509|gave HTTP response to HTTPS client|tls: (?!.*timeout)|certificate", re.IGNORECASE), Cause.REGISTRY_TLS),
    (re.compile((
        r"no such host|i/o timeout|connection refused|handshake timeout|"
        r"no route to host|server misbehaving|network is unreachable|deadline exceeded|"
        r"Client\.Timeout|\bEOF\b|connection reset|50[0234] "
    ), re.IGNORECASE), Cause.REGISTRY_UNREACHABLE),
    (re.compile((
        r"may require (authorization|'docker login')|pull access denied|"
        r"repository does not exist"
    ), re.IGNORECASE), Cause.IMAGE_DENIED),
    (re.compile((
        r"unauthorized|authentication required|\b401\b|\b403\b|forbidden|"
        r"no basic auth|denied|insufficient_scope"
    ), re.IGNORECASE), Cause.REGISTRY_AUTH),
    (re.compile(r"manifest unknown|not found|NAME_UNKNOWN|NotFound|\b404\b|No such image", re.IGNORECASE), Cause.IMAGE_NOT_FOUND),
)  # fmt: skip
_FINAL = frozenset({Cause.IMAGE_NAME_INVALID})


def pulls(case: Case) -> Iterator[Finding]:
    """A container waits for its image."""
    for subject in case.unwell:
        if subject.waiting_reason in _WAITS:
            yield _judged(case, subject)


def _judged(case: Case, subject: Subject) -> Finding:
    image = str(subject.spec.get("image") or "")
    quote, text = _words(case, subject)
    wrong = next((cause for pattern, cause in _WORDS if pattern.search(text)), Cause.IMAGE_FAILED)
    evidence = [quote]
    secret = case.told("FailedToRetrieveImagePullSecret")
    if secret is not None and wrong in (Cause.IMAGE_DENIED, Cause.REGISTRY_AUTH):
        evidence.append(case.quote_event(secret))
    sentence, then = _said(case, subject, wrong, image, has_lost_secret=secret is not None)
    return subject.finding(wrong, Certainty.CERTAIN, sentence, then, *evidence, is_final=wrong in _FINAL)


def _words(case: Case, subject: Subject) -> tuple[Quote, str]:
    """The registry's answer: in the status, else in the event of the last pull that failed."""
    status = f"{subject.waiting_reason}: {subject.waiting_message}"
    event = case.told_of(subject, "Failed", "Failed to pull image") or case.told_of(subject, "InspectFailed")
    is_bare = (
        subject.waiting_message.partition('"')[0].startswith("Back-off pulling") and ": " not in subject.waiting_message
    )
    if event is not None and (is_bare or not subject.waiting_message):
        where = case.quote_event(event).where
        return Quote(where, _tail(str(event.get("message")))), f"{status} {event.get('message')}"
    return subject.quote_status(reason=subject.waiting_reason, message=_tail(subject.waiting_message)), status


def _tail(message: str) -> str:
    """A registry's words stand at the end of a message that repeats the image's name again and again."""
    line = one_line(message, 2000)
    return line if len(line) < 200 else f"…{line[-190:]}"


def _said(case: Case, subject: Subject, wrong: Cause, image: str, *, has_lost_secret: bool) -> tuple[str, str]:
    host, slash, _ = image.partition("/")
    registry = host if slash and ("." in host or ":" in host) else "the registry"
    who = subject.title
    match wrong:
        case Cause.IMAGE_NAME_INVALID:
            return f"{image!r} is no name of an image, and {who} asks for it", _better_name(image)
        case Cause.IMAGE_NEVER_PULLED:
            return (
                f"image {image} is not on the node, and {who} says that it is never to be pulled",
                "load the image onto the node, or set imagePullPolicy: IfNotPresent" + _nearest(case, image),
            )
        case Cause.WRONG_ARCHITECTURE:
            return (
                f"image {image} exists, but not for the architecture of this node",
                "build it for this architecture too (docker buildx build --platform …), or use another tag",
            )
        case Cause.REGISTRY_LIMIT:
            return (
                f"{registry} refuses to give {image}: too many pulls",
                "wait, log in (imagePullSecrets), or use a mirror",
            )
        case Cause.REGISTRY_TLS:
            return (
                f"the node does not trust {registry}, which has image {image}, or one of them does not speak TLS",
                "install the registry's certificate authority on the node, or name it an insecure registry there",
            )
        case Cause.REGISTRY_UNREACHABLE:
            return (
                f"{registry} cannot be reached for image {image}",
                "look at the registry's name, the network and the proxy; it is tried again",
            )
        case Cause.IMAGE_DENIED | Cause.REGISTRY_AUTH:
            return _denied(case, image, registry, wrong, has_lost_secret=has_lost_secret)
        case Cause.IMAGE_NOT_FOUND:
            return (
                f"image {image} does not exist: the registry has no such repository or tag",
                "correct the image's name or tag" + _nearest(case, image),
            )
        case _:
            return f"image {image} cannot be had", "see the message"


def _denied(case: Case, image: str, registry: str, wrong: Cause, *, has_lost_secret: bool) -> tuple[str, str]:
    """Registries say denied both for what is private and for what does not exist."""
    secrets = [str(one.get("name")) for one in case.spec.get("imagePullSecrets") or ()]
    if has_lost_secret:
        then = (
            f"create the Secret that imagePullSecrets names ({listed(secrets)}), of type kubernetes.io/dockerconfigjson"
        )
    elif secrets:
        then = f"see that Secret {listed(secrets)} is for {registry} and may read the repository" + _nearest(
            case, image
        )
    else:
        then = "correct the name" + _nearest(case, image) + "; if the repository is private, add imagePullSecrets"
    if wrong is Cause.REGISTRY_AUTH:
        return f"{registry} does not give image {image} without the right credentials", then
    return f"the registry has no image {image}, or it is private", then


def _better_name(image: str) -> str:
    if "$" in image or "{" in image:
        return "fill in the variable in the name: Kubernetes does not"
    if image != image.lower():
        return f"write it in lower case: {image.lower()}"
    if "://" in image:
        return f"leave the scheme out: {image.partition('://')[2]}"
    return "write REGISTRY/REPOSITORY:TAG, without blanks"


def _nearest(case: Case, image: str) -> str:
    """The known image most like the one that is asked for."""
    pods = [case.pod, *(case.known("Pod") or ())]
    statuses = (one for pod in pods for one in (pod.get("status") or EMPTY).get("containerStatuses") or ())
    had = [str(one.get("image")) for one in statuses if one.get("imageID")]
    found = near(image, dict.fromkeys([*case.evidence.images, *had]))
    return f" (near: {found})" if found else ""

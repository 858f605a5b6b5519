"""Who a container runs as, where that is forbidden or unknown."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runner.core.explain.case import Case
from runner.core.explain.finding import Cause, Certainty, Finding, Quote

_UNKNOWN = re.compile(r"unable to find (user|group) ([\w.-]+)")


def non_root(case: Case) -> Iterator[Finding]:
    """runAsNonRoot and root (pkg/kubelet/kuberuntime/security_context.go)."""
    for subject in case.unwell:
        message = subject.waiting_message
        if subject.waiting_reason != "CreateContainerConfigError" or (
            "non-root" not in message and "runAsNonRoot" not in message
        ):
            continue
        _, policy = subject.setting("runAsNonRoot")
        uid, where = subject.setting("runAsUser")
        quotes = [subject.quote_status(message=message), Quote(policy, "true")]
        then = f"set {subject.field}.securityContext.runAsUser to a user of the image that is not 0"
        if uid is not None:
            quotes.append(Quote(where, str(uid)))
            sentence = f"{subject.title} asks for user {uid}, and {policy} forbids root"
            then = f"set {subject.field}.securityContext.runAsNonRoot: false if it must be root; else another runAsUser"
        elif "non-numeric" in message:
            sentence = f"the user of {subject.title}'s image is a name, so nobody can tell that it is not root"
            then = f"set {subject.field}.securityContext.runAsUser to that user's number"
        else:
            sentence = f"the image of {subject.title} runs as root, and {policy} forbids that"
        yield subject.finding(Cause.RUNS_AS_ROOT, Certainty.CERTAIN, sentence, then, *quotes, is_final=True)


def unknown(case: Case) -> Iterator[Finding]:
    """The image has no such user or group."""
    for subject in case.unwell:
        error = subject.start_error
        match = error and _UNKNOWN.search(error.text)
        said = next(subject.says(_UNKNOWN), None)
        if error is not None and match:
            sentence = f"{subject.title} is to run as {match[1]} {match[2]}, which its image does not know"
            then = "use the number of a user, or add the user to the image"
            yield subject.finding(Cause.USER_UNKNOWN, Certainty.CERTAIN, sentence, then, error.quote(), is_final=True)
        elif said is not None:
            sentence = f"{subject.title} switches to {said[1][1]} {said[1][2]}, which its image does not know"
            then = "run it as the user that the image is made for: its set-up may need root, or another runAsUser"
            yield subject.finding(Cause.USER_UNKNOWN, Certainty.LIKELY, sentence, then, said[0].quote())

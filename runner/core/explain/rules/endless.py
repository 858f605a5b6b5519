"""Init containers that never end, and so hold up the pod for ever."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runner.core.explain.case import Case
from runner.core.explain.finding import Cause, Certainty, Finding, Quote
from runner.core.explain.words import one_line

_FOREVER = re.compile(
    r"while (?:true|:|1|\[ 1 \]);?|for \(\( ?;; ?\)\)|sleep (?:infinity|inf\b|\d{5,})|tail -f|until false|tail --follow"
)
_ENDS = re.compile(r"\b(?:break|exit|kill|return)\b")
_WAITS = re.compile(r"\b(?:until|while) !? ?(?!true|:|1)\w")
_SERVES = re.compile(
    r"(?:^|[/ ])(?:nginx|httpd|envoy|haproxy|postgres|mysqld|redis-server|"
    r"memcached|fluent-bit|fluentd|filebeat|vector|cloud[-_]sql[-_]proxy|"
    r"nc -l\w*)\b|http\.server"
)
_DAEMONS = re.compile(
    r"(?:^|/)(?:nginx|httpd|envoy|proxyv2|haproxy|postgres|mysql|mariadb|redis|memcached|fluent-bit|fluentd|filebeat|vector"
    r"|cloud[-_]sql[-_]proxy|git-sync|k8s-sidecar|vault-agent|consul|oauth2-proxy)(?=[:@]|$)"
)
"""Images whose own command does not end."""


def init_never_ends(case: Case) -> Iterator[Finding]:
    """A regular init container runs what never ends. Whether it is a loop that waits for something is another rule's business."""
    for subject in case.unwell:
        if not subject.is_init or subject.is_sidecar or subject.running is None:
            continue
        script = subject.script
        loop, server = _FOREVER.search(script), _SERVES.search(script)
        is_loop = loop is not None and not _ENDS.search(script[loop.end() :])
        ports = subject.spec.get("ports")
        image = str(subject.spec.get("image") or "")
        if is_loop and loop is not None:
            quote, certainty = (
                Quote(f"{subject.field}.command", one_line(script[loop.start() :], 100)),
                Certainty.LIKELY,
            )
        elif not subject.command and _DAEMONS.search(image):
            quote, certainty = Quote(f"{subject.field}.image", image), Certainty.POSSIBLE
        elif server is not None and not _WAITS.search(script):
            quote, certainty = Quote(f"{subject.field}.command", one_line(script, 100)), Certainty.POSSIBLE
        elif ports:
            quote, certainty = Quote(f"{subject.field}.ports", one_line(ports, 100)), Certainty.POSSIBLE
        else:
            continue
        sentence = f"{subject.title} runs a program that does not end, and everything after it waits for its end"
        then = f"add restartPolicy: Always to {subject.name}, which makes it a sidecar; or move it to containers; or let it end"
        yield subject.finding(
            Cause.INIT_NEVER_ENDS, certainty, sentence, then, quote, Quote(f"{subject.field}.restartPolicy", "not set"),
            is_final=False,
        )  # fmt: skip

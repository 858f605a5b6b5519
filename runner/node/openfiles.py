"""How many files and connections this process may have open."""

from __future__ import annotations

import resource
import sys
from contextlib import suppress

WANTED = 65536
"""More than any number of pods needs, and no more than what a process may go through when it starts another."""


def raise_limit() -> None:
    """Have as many as the administrator allows, as Go's runtime does: macOS begins with 256, many a Linux with 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = WANTED if hard == resource.RLIM_INFINITY else min(hard, WANTED)
    if sys.platform == "darwin":
        limit = min(limit, 10240)  # OPEN_MAX: setrlimit refuses more there, whatever the hard limit says
    if soft != resource.RLIM_INFINITY and soft < limit:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))

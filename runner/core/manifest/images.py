"""The image reference rule that defaulting needs: which pull policy a reference gets."""

from __future__ import annotations


def default_pull_policy(reference: str) -> str:
    """Return "Always" for a reference with tag latest or with neither tag nor digest, else "IfNotPresent"."""
    name, at, _ = reference.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    if tag == "latest" or (not tag and not at):
        return "Always"
    return "IfNotPresent"

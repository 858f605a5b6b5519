"""The short hashes in names and labels: FNV-1a over the template, in the letters that generated names use.

Mirrors pkg/controller/controller_utils.go ComputeHash and k8s.io/apimachinery/pkg/util/rand SafeEncodeString. What is hashed
differs: upstream takes Go's dump of a struct, here it is the template's JSON.
"""

from __future__ import annotations

import json

from runner.core.model import Json

SAFE_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_OFFSET, _PRIME, _MASK = 0x811C9DC5, 0x01000193, 0xFFFFFFFF


def template_hash(template: Json) -> str:
    """Up to ten safe letters that change with the template and with nothing else."""
    text = json.dumps(template, sort_keys=True, separators=(",", ":"))
    value = _OFFSET
    for byte in text.encode():
        value = ((value ^ byte) * _PRIME) & _MASK
    return "".join(SAFE_LETTERS[ord(digit) % len(SAFE_LETTERS)] for digit in str(value))

"""Whether a certificate and a key belong together, as far as their texts tell.

Mirrors X509KeyPair of Go's crypto/tls (tls.go) up to where signatures are looked at.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence

_BLOCK = re.compile(rb"-----BEGIN ([^\n]*?)-----[ \t\r]*\n(.*?)-----END \1-----", re.DOTALL)
_HEADERS = re.compile(rb"\A(?:[^\n:]+:[^\n]*\n)+\s*\n")
_SEQUENCE = 0x30


def pair_fault(certificate: bytes, key: bytes) -> str:
    """Go's words for why the two are no pair; empty when nothing can be said against them."""
    blocks = _blocks(certificate)
    chain = [der for name, der in blocks if name == "CERTIFICATE"]
    if not chain:
        return _no_certificate([name for name, _ in blocks])
    skipped: list[str] = []
    for name, der in _blocks(key):
        if name == "PRIVATE KEY" or name.endswith(" PRIVATE KEY"):
            if not _is_sequence(chain[0]):
                return "x509: malformed certificate"
            return "" if _is_sequence(der) else "tls: failed to parse private key"
        skipped.append(name)
    if not skipped:
        return "tls: failed to find any PEM data in key input"
    if skipped == ["CERTIFICATE"]:
        return "tls: found a certificate rather than a key in the PEM for the private key"
    wanted = 'PEM block with type ending in "PRIVATE KEY" in key input'
    return f"tls: failed to find {wanted} after skipping {_types(skipped)}"


def _no_certificate(skipped: Sequence[str]) -> str:
    if not skipped:
        return "tls: failed to find any PEM data in certificate input"
    if len(skipped) == 1 and skipped[0].endswith("PRIVATE KEY"):
        found = "failed to find certificate PEM data in certificate input, but did find a private key"
        return f"tls: {found}; PEM inputs may have been switched"
    return f'tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping {_types(skipped)}'


def _types(names: Sequence[str]) -> str:
    return f"PEM blocks of the following types: [{' '.join(names)}]"


def _blocks(text: bytes) -> list[tuple[str, bytes]]:
    """The PEM blocks of a text; what is no base64 is no block."""
    found = []
    for block in _BLOCK.finditer(text):
        body = b"".join(_HEADERS.sub(b"", block[2]).split())
        try:
            found.append((block[1].decode(errors="replace"), base64.b64decode(body, validate=True)))
        except binascii.Error:
            continue
    return found


def _is_sequence(der: bytes) -> bool:
    """Whether DER begins with a sequence that is all there."""
    if len(der) < 2 or der[0] != _SEQUENCE:
        return False
    count = der[1] & 0x7F if der[1] & 0x80 else 0
    length = int.from_bytes(der[2 : 2 + count], "big") if count else der[1]
    return len(der) >= 2 + count + length

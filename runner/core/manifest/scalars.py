"""YAML scalars as Kubernetes reads them, which is neither YAML 1.1 as PyYAML reads it nor YAML 1.2.

Mirrors the rules of go.yaml.in/yaml/v2 resolve.go: y/n/on/off are booleans, 0o17 and 017 are octal, 1e3 is a number,
12:30 and 2024-01-02 are strings.
"""

from __future__ import annotations

import math
import re

Scalar = str | bool | int | float | None

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z", re.ASCII)
_INTEGER = re.compile(
    r"(?P<sign>[-+]?)(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<bin>[01]+)|0[oO]?(?P<oct>[0-7]+)|(?P<dec>0|[1-9][0-9]*))\Z",
    re.ASCII,
)
_BASES = {"hex": 16, "bin": 2, "oct": 8, "dec": 10}
_NUMBER_START = frozenset("+-.0123456789")
# More digits than any 64-bit number has in any base, signs and leading zeros aside; longer ones are floats or text.
_LONGEST_INTEGER = 70


def resolve_plain(text: str) -> Scalar:
    """Return the value of an unquoted scalar: None, bool, int (64 bits), float or the text itself."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_START:
        return text
    plain = text.replace("_", "")
    if len(plain) <= _LONGEST_INTEGER:
        match = _INTEGER.match(plain)
        if match is not None:
            base = match.lastgroup or "dec"
            number = int(match[base], _BASES[base]) * (-1 if match["sign"] == "-" else 1)
            if -(2**63) <= number < 2**64:
                return number
    if _FLOAT.match(plain):
        value = float(plain)
        if not math.isinf(value):
            return value
    return text


def json_number(value: float) -> str:
    """Return a number as Go's JSON encoder writes it: integers plain, exponents from 1e21 on and below 1e-6.

    An integer of more than 64 bits with its sign is read as a float on its way to the server.
    """
    if isinstance(value, int):
        if -(2**63) <= value < 2**63:
            return str(value)
        value = float(value)
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    if 1e-6 <= abs(value) < 1e21:
        from decimal import Decimal  # numbers with a fraction are rare

        # Go pads its shortest digits with zeros.
        plain = format(Decimal(repr(value)), "f")
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    mantissa, _, exponent = repr(value).partition("e")
    sign = "-" if exponent.startswith("-") else "+"
    return (
        f"{mantissa.removesuffix('.0')}e{sign}{exponent.lstrip('+-').lstrip('0').rjust(1 if sign == '-' else 2, '0')}"
    )


def json_key(value: Scalar) -> str | None:
    """Return the JSON object key that a YAML key becomes; None when it cannot be one."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    return json_number(value)

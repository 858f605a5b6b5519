"""Resource quantities (``100m``, ``64Mi``, ``1e3``): reading, exact comparison and the one canonical spelling.

Mirrors k8s.io/apimachinery/pkg/api/resource quantity.go and suffix.go: precision ends at nano, finer values round away
from zero, binary quantities end at 2**63-1, and the spelling depends on the suffix family that was written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

NANO = 10**9
MAX_BINARY = 2**63 - 1

_SHAPE = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)")
_EXPONENT = re.compile(r"[eE]([-+]?[0-9]{1,3})")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_BY_EXPONENT = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY_BY_POWER = ["", *_BINARY]
_LARGEST_DECIMAL = 18

FORMAT_MESSAGE = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
SUFFIX_MESSAGE = "unable to parse quantity's suffix"


class QuantityError(ValueError):
    """The text is no quantity; the message is the API server's."""


class QuantityFormat(StrEnum):
    """The suffix family that a quantity was written in and is printed in."""

    DECIMAL_EXPONENT = "DecimalExponent"
    BINARY_SI = "BinarySI"
    DECIMAL_SI = "DecimalSI"


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Quantity:
    """An exact amount in billionths; compares by amount alone, so ``1000m`` equals ``1``."""

    nanos: int
    format: QuantityFormat = field(default=QuantityFormat.DECIMAL_SI, compare=False)

    def __str__(self) -> str:
        """The canonical spelling: no fraction, the largest suffix that loses nothing."""
        if self._is_printed_binary():
            return _print_binary(self.nanos // NANO)
        return _print_decimal(self.nanos, exponential=self.format is QuantityFormat.DECIMAL_EXPONENT)

    def __add__(self, other: Quantity) -> Quantity:
        """The sum, in the format of the first one that is not zero."""
        written = other if self.is_zero else self
        return Quantity(nanos=self.nanos + other.nanos, format=written.format)

    @property
    def is_zero(self) -> bool:
        return self.nanos == 0

    @property
    def is_negative(self) -> bool:
        return self.nanos < 0

    def ceil(self) -> int:
        """Whole units (bytes, cores), rounded up."""
        return self.scaled(NANO)

    def milli(self) -> int:
        """Thousandths (millicores), rounded up."""
        return self.scaled(NANO // 1000)

    def scaled(self, unit_nanos: int) -> int:
        """How many units of ``unit_nanos`` billionths, rounded up, within 64 bits: a decimal quantity may be larger."""
        return min(max(-(-self.nanos // unit_nanos), -MAX_BINARY), MAX_BINARY)

    def divided_by(self, divisor: Quantity) -> int:
        """How many times the divisor fits, rounded up: what a resourceFieldRef yields. A zero divisor counts as one."""
        return self.scaled(divisor.nanos or NANO)

    def _is_printed_binary(self) -> bool:
        if self.format is not QuantityFormat.BINARY_SI:
            return False
        return abs(self.nanos) >= 1024 * NANO and self.nanos % NANO == 0


ZERO = Quantity(nanos=0)


def parse_quantity(value: str | int | float) -> Quantity:
    """Read a quantity as it stands in JSON, text or number. Raises QuantityError with the API server's message."""
    text = str(value).strip()
    match = _SHAPE.fullmatch(text)
    if not text or match is None:
        raise QuantityError(FORMAT_MESSAGE)
    sign, whole, fraction, suffix = match.group(1), match.group(2), match.group(3) or "", match.group(4)
    base, exponent, form = _interpret(suffix)
    digits = int((whole + fraction) or "0")
    numerator, denominator = digits * NANO, int(10 ** len(fraction))
    if exponent >= 0:
        numerator *= base**exponent
    else:
        denominator *= base**-exponent
    nanos = -(-numerator // denominator)
    if form is QuantityFormat.BINARY_SI:
        nanos = min(nanos, MAX_BINARY * NANO)
        if 0 < nanos < NANO:
            form = QuantityFormat.DECIMAL_SI
    return Quantity(nanos=-nanos if sign == "-" else nanos, format=form)


def canonical(value: str | int | float) -> str:
    """The spelling in which the API stores a quantity. Raises QuantityError.

    Go keeps what was written where it takes that for canonical already: "1.500", "+1" and "01" stay as they are.
    """
    quantity = parse_quantity(value)
    text = str(value).strip()
    return text if _is_kept(text, quantity.format) else str(quantity)


def _is_kept(text: str, form: QuantityFormat) -> bool:
    match = _SHAPE.fullmatch(text)
    assert match is not None
    digits, fraction, suffix = match.group(2).lstrip("0") or "0", match.group(3) or "", match.group(4)
    if form is QuantityFormat.BINARY_SI:
        room = 14 - len(digits) - _BINARY[suffix] * 3 // 10
        return not fraction and room >= 0 and bool(int(digits) % 8) and int(digits) << _BINARY[suffix] <= MAX_BINARY
    if suffix in _BINARY or len(digits + fraction) > _LARGEST_DECIMAL:
        return False
    scale = _interpret(suffix)[1] - len(fraction)
    written = digits + fraction
    return scale >= -9 and scale % 3 == 0 and not written.endswith("000") and not written.startswith("0")


def _interpret(suffix: str) -> tuple[int, int, QuantityFormat]:
    if suffix in _DECIMAL:
        return 10, _DECIMAL[suffix], QuantityFormat.DECIMAL_SI
    if suffix in _BINARY:
        return 2, _BINARY[suffix], QuantityFormat.BINARY_SI
    match = _EXPONENT.fullmatch(suffix)
    if match is None:
        raise QuantityError(SUFFIX_MESSAGE)
    return 10, int(match.group(1)), QuantityFormat.DECIMAL_EXPONENT


def _print_binary(amount: int) -> str:
    power = 0
    while amount % 1024 == 0 and power < len(_BINARY):
        amount //= 1024
        power += 1
    return f"{amount}{_BINARY_BY_POWER[power]}"


def _print_decimal(nanos: int, *, exponential: bool) -> str:
    if nanos == 0:
        return "0"
    amount, exponent = nanos, -9
    # Suffixes end at E, exponents do not.
    while amount % 1000 == 0 and (exponential or exponent < _LARGEST_DECIMAL):
        amount //= 1000
        exponent += 3
    if exponential:
        return f"{amount}e{exponent}" if exponent else str(amount)
    return f"{amount}{_DECIMAL_BY_EXPONENT[exponent]}"

"""Kubernetes quantities ("500m", "1Gi", "1e3"): parsing, arithmetic on Decimal, and the canonical form that is stored.

Mirrors k8s.io/apimachinery/pkg/api/resource/quantity.go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_UP, Context, Decimal
from typing import Final

FORMAT_ERROR: Final = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
SUFFIX_ERROR: Final = "unable to parse quantity's suffix"
NUMERIC_ERROR: Final = "unable to parse numeric part of quantity"

_SHAPE: Final = re.compile(r"(?P<number>[+-]?[0-9]*(?:\.[0-9]*)?)(?P<suffix>[eEinumkKMGTP]*[-+]?[0-9]*)\Z", re.ASCII)
_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY: Final = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_DECIMAL_NAMES: Final = {exponent: name for name, exponent in _DECIMAL.items()}
_BINARY_NAMES: Final = {0: "", **{power: name for name, power in _BINARY.items()}}
_LARGEST: Final = Decimal(2**63 - 1)
_NANO: Final = Decimal("1e-9")
# Enough digits for any accepted literal to be exact before it is capped and rounded.
_EXACT: Final = Context(prec=400, Emax=999_999, Emin=-999_999)
_LONGEST: Final = 300


class QuantityError(ValueError):
    """The text is not a quantity; the message is the API server's."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """An exact amount and the family of suffixes it is written with: "binary", "decimal" or "exponent"."""

    amount: Decimal
    family: str = "decimal"

    @property
    def is_integer(self) -> bool:
        """Return whether the amount has no fraction."""
        return self.amount == self.amount.to_integral_value()

    def rounded_up(self, digits: int) -> Quantity:
        """Return the quantity rounded away from zero to that many decimal digits."""
        step = Decimal(1).scaleb(-digits)
        return Quantity(self.amount.quantize(step, ROUND_UP, _EXACT), self.family)

    def __str__(self) -> str:
        """Return the canonical form: no fraction, the largest suffix that keeps the mantissa an integer."""
        if self.amount == 0:
            return "0"
        if self.family == "binary" and self.is_integer and abs(self.amount) >= 1024:
            mantissa, power = int(self.amount), 0
            while mantissa % 1024 == 0 and power < max(_BINARY_NAMES):
                mantissa, power = mantissa // 1024, power + 1
            return f"{mantissa}{_BINARY_NAMES[power]}"
        sign, digits, exponent = self.amount.normalize(_EXACT).as_tuple()
        assert isinstance(exponent, int)
        mantissa = int("".join(map(str, digits)))
        while exponent % 3 or exponent > 18:
            mantissa, exponent = mantissa * 10, exponent - 1
        suffix = f"e{exponent}" if self.family == "exponent" and exponent else _DECIMAL_NAMES[exponent]
        return f"{'-' if sign else ''}{mantissa}{suffix}"


def parse_quantity(text: str) -> Quantity:
    """Return the quantity a text means, rounded up to nano and capped at 2^63-1 as the API server does.

    Raises QuantityError with the server's message.
    """
    text = text.strip()
    match = _SHAPE.match(text)
    if not text or match is None or len(text) > _LONGEST:
        raise QuantityError(FORMAT_ERROR)
    number, suffix = match["number"], match["suffix"]
    if not any(character.isdigit() for character in number):
        raise QuantityError(NUMERIC_ERROR)
    family, scale = "decimal", 0
    factor = Decimal(1)
    if suffix in _BINARY:
        family, factor = "binary", Decimal(1024 ** _BINARY[suffix])
    elif suffix in _DECIMAL:
        scale = _DECIMAL[suffix]
    elif re.fullmatch(r"[eE][-+]?[0-9]{1,9}", suffix):
        family, scale = "exponent", int(suffix[1:])
    else:
        raise QuantityError(SUFFIX_ERROR)
    return Quantity(_limited(Decimal(number), factor, scale), family)


def _limited(number: Decimal, factor: Decimal, scale: int) -> Decimal:
    if number == 0:
        return Decimal(0)
    if number.adjusted() + scale > 30:
        return _LARGEST.copy_sign(number)
    if number.adjusted() + scale < -30:
        return _NANO.copy_sign(number)
    amount = _EXACT.multiply(number, factor).scaleb(scale, _EXACT)
    if abs(amount) > _LARGEST:
        return _LARGEST.copy_sign(number)
    return amount.quantize(_NANO, ROUND_UP, _EXACT)


def whole_units(quantity: Quantity) -> int:
    """Return the amount rounded up to an integer, as Quantity.Value() does."""
    return int(quantity.amount.to_integral_value(ROUND_CEILING))

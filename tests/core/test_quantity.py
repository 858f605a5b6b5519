"""Quantities: canonical spelling, order, rounding, errors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.text.quantity import (
    FORMAT_MESSAGE,
    NANO,
    SUFFIX_MESSAGE,
    ZERO,
    Quantity,
    QuantityError,
    QuantityFormat,
    canonical,
    parse_quantity,
)


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("0", "0"),
        ("0Mi", "0"),
        ("-0", "0"),
        ("100m", "100m"),
        ("1000m", "1"),
        ("0.1", "100m"),
        ("0.5", "500m"),
        (0.5, "500m"),
        (2, "2"),
        ("1.5", "1500m"),
        ("64Mi", "64Mi"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("0.5Gi", "512Mi"),
        ("1024", "1024"),
        ("1000", "1k"),
        ("1000k", "1M"),
        ("512Ki", "512Ki"),
        ("1023Ki", "1023Ki"),
        ("0.5Ki", "512"),
        ("0.0001Ki", "102400u"),
        ("1.3Ki", "1331200m"),
        ("1e3", "1e3"),
        ("1E3", "1E3"),
        ("12e2", "1200"),
        ("1e-3", "1e-3"),
        ("5e0", "5e0"),
        ("1e-20", "1e-9"),
        ("1n", "1n"),
        ("0.1n", "1n"),
        ("+3", "+3"),
        ("-1024Mi", "-1Gi"),
        ("-250m", "-250m"),
        (".5", "500m"),
        ("1.G", "1.G"),
        (" 1 ", "1"),
        ("9999Ei", "9223372036854775807"),
        ("1000E", "1000E"),
        ("1e21", "1e21"),
        # What was written stays where Go takes it for canonical.
        ("007", "007"),
        ("1.500", "1.500"),
        ("-1.500", "-1.500"),
        ("0.500", "500m"),
        ("1.5000", "1500m"),
        ("1.0", "1"),
        ("01Gi", "01Gi"),
        ("08Gi", "8Gi"),
        ("1.0Gi", "1Gi"),
        ("100000000Gi", "100000000Gi"),
        ("1000000000000000001", "1000000000000000001"),
        ("1e-10", "1e-9"),
        # No number at all is nothing.
        ("Gi", "0"),
        ("m", "0"),
        (".", "0"),
        ("-", "0"),
    ],
)
def test_a_quantity_is_printed_as_the_api_stores_it(written: str | int | float, printed: str) -> None:
    assert canonical(written) == printed


@pytest.mark.parametrize("text", ["", " ", "aoeu", "1.1.M", "1+1.0M", "0.1am", "-3.01e-x", "1\n2", "１"])
def test_text_of_another_shape_is_refused(text: str) -> None:
    with pytest.raises(QuantityError) as caught:
        parse_quantity(text)
    assert str(caught.value) == FORMAT_MESSAGE


@pytest.mark.parametrize("text", ["0.1mi", ".5i", "1i", "-3.01i", "-3.01e-", "1e12345"])
def test_an_unknown_suffix_is_refused(text: str) -> None:
    with pytest.raises(QuantityError) as caught:
        parse_quantity(text)
    assert str(caught.value) == SUFFIX_MESSAGE


def test_quantities_compare_by_amount() -> None:
    """The suffix family plays no part in comparing."""
    assert parse_quantity("1000m") == parse_quantity("1")
    assert parse_quantity("1Gi") > parse_quantity("1G")
    assert parse_quantity("-1").is_negative
    assert ZERO.is_zero
    assert not ZERO.is_negative


def test_amounts_are_rounded_up_to_whole_units() -> None:
    assert parse_quantity("1.1").ceil() == 2
    assert parse_quantity("100m").milli() == 100
    assert parse_quantity("100.5m").milli() == 101
    assert parse_quantity("64Mi").ceil() == 64 * 1024 * 1024
    assert parse_quantity("-1.5").ceil() == -1


@pytest.mark.parametrize(
    ("amount", "divisor", "result"),
    [("1500m", "1", 2), ("1500m", "1m", 1500), ("64Mi", "1Mi", 64), ("65Mi", "1Gi", 1), ("3", "0", 3)],
)
def test_a_divisor_divides_and_rounds_up(amount: str, divisor: str, result: int) -> None:
    assert parse_quantity(amount).divided_by(parse_quantity(divisor)) == result


def test_a_sum_is_written_like_its_first_part() -> None:
    assert str(parse_quantity("1Mi") + parse_quantity("1k")) == "1049576"
    assert str(ZERO + parse_quantity("1Mi") + parse_quantity("1Mi")) == "2Mi"


@given(st.integers(min_value=-(2**62) * NANO, max_value=2**62 * NANO), st.sampled_from(QuantityFormat))
def test_the_canonical_spelling_reads_back_as_the_same_amount(nanos: int, form: QuantityFormat) -> None:
    quantity = Quantity(nanos=nanos, format=form)
    spelling = str(quantity)
    assert parse_quantity(spelling) == quantity
    # Bytes that fill no Ki are printed without a suffix, and plain numbers read as decimal ones.
    if form is not QuantityFormat.BINARY_SI or spelling.endswith("i"):
        assert canonical(spelling) == spelling


@given(st.integers(min_value=0, max_value=2**62), st.integers(min_value=0, max_value=2**62))
def test_order_is_that_of_the_numbers(left: int, right: int) -> None:
    assert (parse_quantity(left) < parse_quantity(f"{right}")) == (left < right)


@pytest.mark.parametrize(
    ("text", "whole"), [("1e30", 2**63 - 1), ("-1e30", -(2**63 - 1)), ("16Ei", 2**63 - 1), ("7", 7)]
)
def test_whole_units_end_where_64_bits_end(text: str, whole: int) -> None:
    assert parse_quantity(text).ceil() == whole

"""Alignment of cells."""

from __future__ import annotations

import pytest

from runner.render.tabwriter import TabWriter, table_writer


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a\tb\nccc\td", "a    b\nccc  d", id="a column is as wide as its widest cell"),
        pytest.param("a\tb\none cell\nlonger\td", "a  b\none cell\nlonger  d", id="a line of one cell ends the block"),
        pytest.param("a\t\tc\nb\tx\td", "a     c\nb  x  d", id="an empty cell keeps its place"),
        pytest.param("very long last cell\na\tb", "very long last cell\na  b", id="the last cell has no influence"),
        pytest.param("a\tb\tc\nd\te", "a  b  c\nd  e", id="lines may have different numbers of cells"),
        pytest.param("ä\tb\néé\tc", "ä   b\néé  c", id="characters count, not bytes"),
        pytest.param("", "", id="nothing stays nothing"),
    ],
)
def test_cells_are_aligned_by_blocks(text: str, expected: str) -> None:
    assert TabWriter(min_width=0, padding=2).format(text) == expected


def test_a_table_remembers_the_widths_of_earlier_lines() -> None:
    """A watch prints its rows one by one below one header."""
    writer = table_writer()
    assert writer.format("NAME\tREADY\na-long-name\t0/1") == "NAME          READY\na-long-name   0/1"
    assert writer.format("b\t1/1") == "b             1/1"

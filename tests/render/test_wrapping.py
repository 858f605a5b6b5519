"""Breaking lines for people."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runner.render.style import Paint
from runner.render.wrapping import visible, wrapped


@pytest.mark.parametrize(
    ("text", "width", "first", "hanging", "expected"),
    [
        pytest.param("short", 10, 0, 0, ["short"], id="what fits is left alone"),
        pytest.param("one two three", 8, 0, 2, ["one two", "  three"], id="between words"),
        pytest.param("one two three", 8, 4, 4, ["one", "    two", "    three"], id="the first line is begun already"),
        pytest.param("a averyveryverylongword b", 8, 0, 2, ["a", "  averyveryverylongword", "  b"], id="a long word stays whole"),
        pytest.param("averyveryverylongword b", 8, 6, 6, ["averyveryverylongword", "      b"], id="a long first word too"),
        pytest.param("  in one two three", 10, 0, 4, ["  in one", "    two", "    three"], id="blanks at the beginning stay"),
    ],
)  # fmt: skip
def test_lines_break_between_words(text: str, width: int, first: int, hanging: int, expected: list[str]) -> None:
    assert wrapped(text, width, first=first, hanging=hanging) == expected


def test_colours_take_no_room() -> None:
    red = Paint(True).red("error:")
    assert visible(red) == 6
    assert wrapped(f"{red} one two", 14) == [f"{red} one two"]
    assert wrapped(f"{red} one two", 12, hanging=7) == [f"{red} one", "       two"]


@given(st.text(alphabet="ab \t", max_size=60), st.integers(5, 30), st.integers(0, 4))
@example("aa a\t\t", 5, 3)
def test_no_word_is_lost_and_only_long_words_stand_out(text: str, width: int, hanging: int) -> None:
    lines = wrapped(text, width, hanging=hanging)
    assert " ".join(lines).split() == text.split()
    assert all(
        len(line) <= width or len(line.split(" ")[-1]) > width - hanging - 1 or len(lines) == 1 for line in lines
    )

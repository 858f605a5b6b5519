"""What a terminal would obey is shown."""

from __future__ import annotations

import pytest

from runner.core.text.escaping import MARK, escaped, for_terminal


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("plain text, ä → 日本", "plain text, ä → 日本", id="plain text"),
        pytest.param("a\tb\nc", "a\tb\nc", id="tabs and newlines stay"),
        pytest.param("\x1b[31mred\x1b[0m", "^[[31mred^[[0m", id="colours, as kubectl shows them"),
        pytest.param("\x1b]0;title\x07", "^[]0;title^G", id="a title"),
        pytest.param("done\rhidden", "done\\rhidden", id="a carriage return, as kubectl shows it"),
        pytest.param("a\x00b\x08\x0b\x7f", "a^@b^H^K^?", id="other controls"),
        pytest.param("\x9b2J\x85", "\\x9b2J\\x85", id="controls of eight bits"),
        pytest.param("a\u202egpj.exe\u2066", "a\\u202egpj.exe\\u2066", id="what turns the direction"),
    ],
)
def test_control_characters_are_shown(text: str, shown: str) -> None:
    assert escaped(text) == shown
    assert for_terminal(text) == shown


def test_colours_of_our_own_reach_the_terminal() -> None:
    assert for_terminal(f"{MARK}[1;31merror:{MARK}[0m \x1b[32mok") == "\x1b[1;31merror:\x1b[0m ^[[32mok"


def test_only_colours_do() -> None:
    assert for_terminal(f"{MARK}[2J{MARK}]0;x") == f"{MARK}[2J{MARK}]0;x"

"""The syntax of the files that a fileKeyRef reads."""

from __future__ import annotations

import pytest

from runner.core.container.envfile import EnvFileError, env_file_value

VALUES = [
    ("a quoted value", "K='v'", "v"),
    ("spaces and equals signs inside", "K='a = b'\n", "a = b"),
    ("several lines", "K='one\ntwo'\n", "one\ntwo"),
    ("a comment before, an empty line, blanks in front", "# words\n\n  K='v'\n", "v"),
    ("a comment after the quote", "K='v' # why\n", "v"),
    ("the first of two", "K='1'\nK='2'\n", "1"),
    ("another name", "L='v'\n", ""),
    ("a name that only begins so", "KK='v'\nK='w'", "w"),
    ("a blank after the equals sign is an empty value", "K= 'v'\nK='w'\n", ""),
    ("nothing after the equals sign", "K=\n", ""),
    ("nothing after the equals sign, at the end", "K=", ""),
    ("lines that end with CRLF", "L='x'\r\nK='v'\r\n", "v"),
    ("an empty file", "", ""),
    ("what comes later is not looked at", "K='v'\nL=broken", "v"),
]


@pytest.mark.parametrize(("text", "value"), [r[1:] for r in VALUES], ids=[r[0] for r in VALUES])
def test_values(text: str, value: str) -> None:
    assert env_file_value(text, "K") == value


ERRORS = [
    ("no quotes", "K=v\n", "line 1: the value must stand in single quotes"),
    ("double quotes", '\nK="v"\n', "line 2: the value must stand in single quotes"),
    ("a blank before the equals sign", "K ='v'\n", "line 1: the name must be followed by '='"),
    ("no equals sign", "K\n", "line 1: the name must be followed by '='"),
    ("no closing quote", "K='v\n", "line 1: the closing quote is missing"),
    ("something after the quote", "K='v'x\n", "line 1: something follows the closing quote"),
    ("no name", "='v'\n", "line 1: a variable's name is missing"),
]


@pytest.mark.parametrize(("text", "message"), [r[1:] for r in ERRORS], ids=[r[0] for r in ERRORS])
def test_errors(text: str, message: str) -> None:
    with pytest.raises(EnvFileError) as caught:
        env_file_value(text, "K")
    assert str(caught.value) == message

"""What Go says of texts that are no JSON objects."""

from __future__ import annotations

import pytest

from runner.core.text.gojson import object_fault

NO_OBJECT = "Go value of type map[string]interface {}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "unexpected end of JSON input"),
        (" \n", "unexpected end of JSON input"),
        ("{}", ""),
        (' {"a": {"b": [1, -2.5e+3, 0, "x\\u00e9\\n", true, false, null, [], {}]}}\n', ""),
        ("null", ""),
        ("[1]", f"json: cannot unmarshal array into {NO_OBJECT}"),
        ('"x"', f"json: cannot unmarshal string into {NO_OBJECT}"),
        ("true", f"json: cannot unmarshal bool into {NO_OBJECT}"),
        ("-1", f"json: cannot unmarshal number into {NO_OBJECT}"),
        ("auths: {}", "invalid character 'a' looking for beginning of value"),
        ("'a'", r"invalid character '\'' looking for beginning of value"),
        ("nope", "invalid character 'o' in literal null (expecting 'u')"),
        ("tru", "unexpected end of JSON input"),
        ("{", "unexpected end of JSON input"),
        ("{a", "invalid character 'a' looking for beginning of object key string"),
        ('{"a" 1}', "invalid character '1' after object key"),
        ('{"a":1 "b"}', "invalid character '\"' after object key:value pair"),
        ('{"a":1,}', "invalid character '}' looking for beginning of object key string"),
        ("{]", "invalid character ']' looking for beginning of object key string"),
        ("[1 2]", "invalid character '2' after array element"),
        ("[1,]", "invalid character ']' looking for beginning of value"),
        ("[}", "invalid character '}' looking for beginning of value"),
        ("{} x", "invalid character 'x' after top-level value"),
        ("01", "invalid character '1' after top-level value"),
        ("-x", "invalid character 'x' in numeric literal"),
        ("1.x", "invalid character 'x' after decimal point in numeric literal"),
        ("1ex", "invalid character 'x' in exponent of numeric literal"),
        ("1e+", "unexpected end of JSON input"),
        ('"a', "unexpected end of JSON input"),
        ('"a\n"', r"invalid character '\n' in string literal"),
        ('"\\x"', "invalid character 'x' in string escape code"),
        ('"\\u12x4"', "invalid character 'x' in \\u hexadecimal character escape"),
        ("é", "invalid character 'Ã' looking for beginning of value"),
    ],
)
def test_what_go_says(text: str, expected: str) -> None:
    assert object_fault(text.encode()) == expected

"""ConfigMaps and Secrets as pods read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.objects import ConfigError, config_map_data, config_map_text, secret_data

RFC_4648 = [
    ("", b""),
    ("Zg==", b"f"),
    ("Zm8=", b"fo"),
    ("Zm9v", b"foo"),
    ("Zm9v\nYmFy\r\n", b"foobar"),
    ("/+8=", b"\xff\xef"),
]


@pytest.mark.parametrize(("text", "wanted"), RFC_4648)
def test_base64_is_decoded_over_line_ends(text: str, wanted: bytes) -> None:
    assert secret_data({"data": {"k": text}}) == {"k": wanted}


@pytest.mark.parametrize("text", ["Zg", "Zm9v!", "Zm 9v", "\N{GREEK SMALL LETTER ALPHA}A=="])
def test_what_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^illegal base64 data: "):
        secret_data({"data": {"k": text}})


def test_text_of_a_config_map_is_utf8_and_its_binary_data_is_decoded() -> None:
    value = {"data": {"t": "\N{LATIN SMALL LETTER U WITH DIAERESIS}"}, "binaryData": {"b": "/w=="}}
    assert config_map_text(value) == {"t": b"\xc3\xbc"}
    assert config_map_data(value) == {"t": b"\xc3\xbc", "b": b"\xff"}


@pytest.mark.parametrize("value", [{}, {"data": None, "binaryData": None, "stringData": None}])
def test_objects_without_data_are_empty(value: dict[str, None]) -> None:
    assert config_map_data(value) == secret_data(value) == {}


@given(st.dictionaries(st.text(min_size=1), st.text(alphabet=st.characters(exclude_categories=["Cs"]))))
def test_plain_strings_of_a_secret_win_over_data(strings: dict[str, str]) -> None:
    """stringData is laid over data, key by key."""
    data = dict.fromkeys(strings, "b2xk") | {"kept": "b2xk"}
    found = secret_data({"data": data, "stringData": strings})
    assert found == {"kept": b"old"} | {key: text.encode() for key, text in strings.items()}

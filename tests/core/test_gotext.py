"""Text in Go's form."""

from __future__ import annotations

import pytest

from runner.core.text.gotext import join_list, quote


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("plain", '"plain"'),
        ('say "hi"\\', '"say \\"hi\\"\\\\"'),
        ("a\n\t\x00\x7f", '"a\\n\\t\\x00\\x7f"'),
        ("é☺", '"é☺"'),
        ("\u200b\U000e0001", '"\\u200b\\U000e0001"'),
    ],
)
def test_text_is_quoted_as_go_quotes_it(text: str, quoted: str) -> None:
    assert quote(text) == quoted


def test_a_list_prints_in_brackets() -> None:
    assert join_list(["a", "b"]) == "[a b]"
    assert join_list([]) == "[]"

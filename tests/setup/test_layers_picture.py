"""The picture of the layers is drawn from the import contracts."""

from __future__ import annotations

import pytest

from tools import make_layers

PACKAGE = make_layers.ROOT / "runner"


def test_the_picture_shows_the_layers_of_the_contracts() -> None:
    text = make_layers.TARGET.read_text(encoding="utf-8")
    assert make_layers.page(text) == text


@pytest.mark.parametrize("inside", ["", "kubelet"])
def test_every_package_has_a_layer_and_says_in_one_sentence_what_it_is(inside: str) -> None:
    folder = PACKAGE / inside
    there = {path.stem for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    drawn = [name for names in make_layers.layers(inside) for name in names]
    assert there - {"__init__", "__main__"} == set(drawn)
    assert all(make_layers.sentence(f"{inside}/{name}".lstrip("/")) for name in drawn)


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(SystemExit, match="no marks"):
        make_layers.page("no picture")

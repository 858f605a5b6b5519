"""The build script's promises that hold without the compiler."""

from __future__ import annotations

import pytest

from runner.sandbox.build import SOURCE, TARGETS, main
from runner.sandbox.image import ARCHITECTURES


def test_every_shipped_architecture_has_a_compiler_target() -> None:
    assert set(TARGETS) == set(ARCHITECTURES)


def test_source_is_shipped_beside_the_script() -> None:
    assert "pause: the only program of the sandbox image" in SOURCE.read_text()


def test_unknown_option_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--no-such-option"])
    assert caught.value.code == 2
    assert "--no-such-option" in capsys.readouterr().err

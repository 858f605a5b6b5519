"""What the exit codes of a run that broke may say: 2 that nothing was touched, 3 that there was no Engine when it began."""

from __future__ import annotations

import pytest

from runner.api.launching import _tell_in_the_middle
from runner.errors import (
    EngineConflict,
    EngineError,
    EngineRefusal,
    EngineUnavailable,
    ExitCode,
    NotFound,
    RunnerError,
    StoreError,
    UsageError,
)


def break_off(error: RunnerError, *, has_begun: bool) -> None:
    """As a run does."""
    _tell_in_the_middle(error, has_begun=has_begun)
    raise error


@pytest.mark.parametrize(
    ("error", "has_begun", "code"),
    [
        (UsageError("taken"), False, ExitCode.USAGE),
        (UsageError("taken"), True, ExitCode.POD_FAILED),
        (StoreError("disk full"), False, ExitCode.POD_FAILED),
        (StoreError("disk full"), True, ExitCode.POD_FAILED),
        (EngineUnavailable("gone"), False, ExitCode.NO_ENGINE),
        (EngineUnavailable("gone"), True, ExitCode.POD_FAILED),
        (EngineRefusal("injected 500"), True, ExitCode.POD_FAILED),
    ],
)
def test_a_run_that_was_taken_back_says_so_by_its_exit_code(
    error: RunnerError, has_begun: bool, code: ExitCode
) -> None:
    with pytest.raises(RunnerError) as told:
        break_off(error, has_begun=has_begun)
    assert (told.value.exit_code, told.value.message) == (code, error.message)


@pytest.mark.parametrize(
    ("error", "is_final", "is_passing"),
    [
        (EngineUnavailable("reset"), False, True),
        (EngineUnavailable("nothing listens", is_absent=True), False, False),
        (EngineUnavailable("too old", recoverable=False), False, False),
        (EngineRefusal("injected 500", recoverable=True), False, True),
        (NotFound("between list and inspect"), False, False),
        (EngineConflict("being removed", recoverable=True), False, True),
        (StoreError("disk full"), True, False),
    ],
)
def test_no_answer_of_the_engine_ends_a_run_that_has_begun(
    error: RunnerError, is_final: bool, is_passing: bool
) -> None:
    assert error.is_final is is_final
    assert (isinstance(error, EngineError) and error.may_pass) is is_passing

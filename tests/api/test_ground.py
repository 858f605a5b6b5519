"""What the library opens and closes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from runner import Runner
from runner.registry.contract import put
from runner.registry.memory import MemoryRegistry
from tests.support.gates import open_below


def test_a_runner_that_is_closed_holds_no_file_open(tmp_path: Path) -> None:
    with Runner(home=tmp_path) as runner:
        assert runner.store.list("Pod").items == []
        assert open_below(tmp_path)
    assert open_below(tmp_path) == []


def test_a_closed_runner_may_be_used_again(tmp_path: Path) -> None:
    with Runner(home=tmp_path) as runner:
        put(runner.store, {"kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default"}})
    assert [one["metadata"]["name"] for one in runner.store.list("ConfigMap").items] == ["a"]
    runner.close()
    assert open_below(tmp_path) == []


class _Kept(MemoryRegistry):
    def close(self) -> None:
        raise AssertionError("it is somebody else's")


def test_what_a_runner_was_given_stays_open(tmp_path: Path) -> None:
    with Runner(home=tmp_path, store=_Kept()) as runner:
        assert runner.store.list("Pod").items == []


@dataclass
class _Life:
    """A run in the background that ends well, or not."""

    problem: BaseException | None
    ended: int = 0
    pods: tuple[str, ...] = ("pod",)
    interrupt: KeyboardInterrupt | None = None
    is_killed: bool = False

    def announce_end(self, _exit_code: int) -> None:
        if self.interrupt is not None:
            raise self.interrupt

    def end(self, *, at_once: bool = False, **_how: object) -> None:
        self.ended += 1
        self.is_killed = at_once
        if self.problem is not None:
            raise self.problem


@pytest.mark.parametrize("verb", ["close", "end"])
def test_what_goes_wrong_with_one_run_keeps_none_of_the_others_from_ending(tmp_path: Path, verb: str) -> None:
    lives = [_Life(ValueError("first")), _Life(None), _Life(ValueError("second")), _Life(None)]
    runner = Runner(home=tmp_path, store=MemoryRegistry())
    runner._lives.extend(lives)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="first"):
        runner.close() if verb == "close" else runner.end(["pod"])  # type: ignore[list-item]
    assert [life.ended for life in lives] == [1, 1, 1, 1]


def test_who_is_interrupted_while_deletions_are_asked_for_kills_what_there_is(tmp_path: Path) -> None:
    """A second Ctrl-C may come as soon as anybody sees that the first deletion was asked for."""
    lives = [_Life(None), _Life(None, interrupt=KeyboardInterrupt()), _Life(None)]
    runner = Runner(home=tmp_path, store=MemoryRegistry())
    runner._lives.extend(lives)  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        runner.close()
    assert [(life.ended, life.is_killed) for life in lives] == [(1, True)] * 3

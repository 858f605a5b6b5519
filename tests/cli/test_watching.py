"""What a user who follows objects sees when the watch has to begin anew."""

from __future__ import annotations

from itertools import islice

from runner.cli.app import App
from runner.cli.watching import changes
from runner.registry.deletion import forget_pod
from tests.cli.support import FakeRunner, TickingClock, pod, put_pod


def test_what_changed_while_nobody_could_watch_is_told_after_it() -> None:
    """In memory changes are kept as long as there is a watch: one from an earlier version is too late."""
    runner, clock = FakeRunner(), TickingClock()
    runner.clock, store = clock, runner.store
    put_pod(store, pod("a"))
    put_pod(store, pod("b"))
    app = App(environ={}, clock=clock, make_runner=lambda _environ, _home: runner)
    seen = changes(app, "Pod", "default", lambda _: True)
    assert [[one["metadata"]["name"] for one in news] for news in islice(seen, 1)] == [["a", "b"]]
    forget_pod(store, "uid-a")
    put_pod(store, pod("c"))
    assert [[one["metadata"]["name"] for one in news] for news in islice(seen, 1)] == [["c", "a"]]
    clock.steps = [lambda: forget_pod(store, "uid-b")]
    assert [one["metadata"]["name"] for one in next(seen)] == ["b"]

"""What somebody who follows objects sees when the watch has to begin anew."""

from __future__ import annotations

from itertools import islice

from runner.cli.app import App
from runner.cli.watching import changes
from tests.cli.support import FakeRunner, TickingClock, pod, put


def test_what_changed_while_nobody_could_watch_is_told_after_it() -> None:
    """In memory changes are kept as long as somebody watches: a watch from an earlier version is too late."""
    runner, clock = FakeRunner(), TickingClock()
    runner.clock, store = clock, runner.store
    put(store, pod("a"))
    put(store, pod("b"))
    app = App(environ={}, clock=clock, make_runner=lambda _environ, _home: runner)
    seen = changes(app, "Pod", "default", lambda _: True)
    assert [[one["metadata"]["name"] for one in news] for news in islice(seen, 1)] == [["a", "b"]]
    store.remove_pod("uid-a")
    put(store, pod("c"))
    assert [[one["metadata"]["name"] for one in news] for news in islice(seen, 1)] == [["c", "a"]]
    clock.steps = [lambda: store.remove_pod("uid-b")]
    assert [one["metadata"]["name"] for one in next(seen)] == ["b"]

"""Gives a node real time: a thread for each pod, one for the workloads, and those that watch the Engine and the registry."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from datetime import datetime
from typing import Final
from weakref import WeakSet

from runner.clock import Countdown, Wakeup
from runner.errors import StoreError
from runner.kubelet.loop.wakeups import EngineWatcher, RegistryWatcher
from runner.node.node import HEEDED, Node
from runner.node.openfiles import raise_limit
from runner.node.running import Running
from runner.registry.contract import Change

SIGNAL_SECONDS: Final = 1.0
"""How often a thread that waits gives Python the chance to see a signal: the system may have given it to another thread."""
HALT_SECONDS: Final = 30.0
"""How long threads may take to stop: as long as the call to the Engine that each is at."""


def _never() -> bool:
    return False


class Threads:
    """Drives a node until ``close``."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._resources = ExitStack()
        self._hint = Wakeup()
        self._news = Wakeup()
        self._ended = WeakSet[threading.Thread]()
        """Those that do nothing more."""
        self._is_closed = False
        self._starting = threading.Lock()
        self._workloads: threading.Thread | None = None

    def open(self, since: datetime) -> None:
        """Start listening to the Engine, to what has happened since an instant and what will, and to the registry."""
        raise_limit()
        node = self._node
        watcher = EngineWatcher(node.engine, node.clock, since, node.engine_event)
        watcher.start()
        self._resources.callback(watcher.stop)
        writes = RegistryWatcher(node.store, HEEDED, self._registry_changed, node.holder)
        self._resources.callback(writes.stop)
        writes.begin()
        node.roster.look()
        writes.start()
        if node.network is not None:
            node.network.follow(node.resolving, node.narrate)

    def _registry_changed(self, changes: Sequence[Change]) -> None:
        self._node.registry_changed(changes)
        self.start()

    def start(self) -> None:
        """Start the workers that are not started yet, and the controllers when there are workloads. For all threads.

        Starts nothing once this is closed.
        """
        with self._starting:
            if self._is_closed:
                return
            for one in self._node.running:
                one.start(self._work)
            if self._node.controllers and self._workloads is None:
                self._node.on_news(self._hint.set)
                self._workloads = threading.Thread(target=self._control, name="podrunner-workloads", daemon=True)
                self._workloads.start()

    def _work(self, one: Running) -> None:
        try:
            self._live(one)
        finally:
            self._says_goodbye()

    def _live(self, one: Running) -> None:
        node = self._node
        while not one.detached:
            try:
                if node.step(one):
                    return
                one.worker.wait()
            except BaseException as error:
                seconds = node.broke(one, error)
                if seconds is None or not self._mend(one, seconds):
                    break
        with suppress(StoreError):  # What it holds it looks for again.
            node.let_go(one)
        if one.is_lost:
            self.start()

    def _says_goodbye(self) -> None:
        """This thread does nothing more: whoever waits for it need not wait for the next tick."""
        self._ended.add(threading.current_thread())
        self._news.set()

    def _mend(self, one: Running, seconds: float) -> bool:
        """Begin a broken worker again when its time has come. Returns whether it lives."""
        node = self._node
        rest = Countdown(node.clock, seconds)
        while not one.detached and not rest.is_over:
            node.clock.wait(rest.until, one.wakeup)
        try:
            return node.mend(one)
        except BaseException as error:
            one.fail(error)
            return False

    def _control(self) -> None:
        node = self._node
        try:
            while not self._is_closed:
                wake = node.reconcile()
                self.start()
                node.clock.wait(wake, self._hint)
        except BaseException as error:  # Who waits for a pod gets it raised.
            node.workloads_broke(error)
        node.tell_news()
        self._says_goodbye()

    def join(self, seconds: float | None = None, *, gives_up: Callable[[], bool] = _never) -> bool:
        """Wait until the workers have ended, at most so many seconds for all together, or until the caller gives it up.

        Returns whether they have.
        """
        threads = [one.thread for one in self._node.running if one.thread is not None]
        return self._have_ended(threads, seconds, gives_up)

    def _have_ended(
        self, threads: Sequence[threading.Thread], seconds: float | None, gives_up: Callable[[], bool]
    ) -> bool:
        clock, patience = self._node.clock, Countdown(self._node.clock, seconds)
        while any(thread.is_alive() and thread not in self._ended for thread in threads):
            if patience.is_over or gives_up():
                return False
            clock.wait(Countdown(clock, patience.within(SIGNAL_SECONDS)).until, self._news)
        for thread in threads:
            thread.join()
        return True

    def look_again(self) -> None:
        """Whoever waits in ``join`` or ``close`` may give up now."""
        self._news.set()

    def close(self, *, gives_up: Callable[[], bool] = _never) -> None:
        """Listen to nothing any more, and start nothing; workers that were started go on."""
        with self._starting:
            self._is_closed = True
            workloads = self._workloads
        self._hint.set()
        if workloads is not None and workloads is not threading.current_thread():
            self._have_ended((workloads,), HALT_SECONDS, gives_up)
        self._resources.close()

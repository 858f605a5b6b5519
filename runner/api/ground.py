"""What every use of the library stands on: the state directory, the store, the Engine. Each is opened when it is first needed."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from runner.clock import Clock, Countdown, SystemClock
from runner.errors import RunnerError
from runner.registry.home import Home

if TYPE_CHECKING:
    from runner.engine.discover import EngineAddress
    from runner.engine.protocol import Engine
    from runner.kubelet.prober.handlers import Reach
    from runner.registry.contract import Key, Registry


ROOM_SECONDS = 30.0
"""How long it is waited for a name that another process is freeing."""
ASIDE_SECONDS = 10.0
"""How long a sweep may go on when everything else has ended; the next one finds what is left."""
_janitor_log = logging.getLogger("runner.janitor")
_log = logging.getLogger("runner.engine")


class Ground:
    """Store, Engine and clock of one state directory."""

    def __init__(
        self,
        *,
        environ: Mapping[str, str] | None = None,
        home: Home | str | Path | None = None,
        clock: Clock | None = None,
        store: Registry | None = None,
        engine: Engine | None = None,
    ) -> None:
        self._environ = os.environ if environ is None else environ
        self.home = home if isinstance(home, Home) else Home(Path(home)) if home else Home.from_env(self._environ)
        self.clock = clock or SystemClock()
        self._given_store = store
        self._given_engine = engine
        self._store = store
        self._engine = engine
        # Threads that ask at the same time get the same.
        self._lock = threading.RLock()
        self._asides: list[threading.Thread] = []

    @property
    def store(self) -> Registry:
        """The old name of ``registry``; to look at objects or to write them take ``client``."""
        return self.registry

    @property
    def registry(self) -> Registry:
        """What exists: the state that all podrunner processes of this user share. Raises StoreError."""
        with self._lock:
            if self._store is None:
                from runner.registry.sqlite import SqliteRegistry

                self._store = SqliteRegistry(self.home, clock=self.clock)
            return self._store

    @contextmanager
    def sound_store(self, *, is_only_looked_at: bool) -> Iterator[tuple[Registry, str]]:
        """The store, and a sentence about what was wrong with it, "" mostly. A damaged one is set aside.

        ``is_only_looked_at``: it stays where it is, and what can be read of it is given. Raises StoreError.
        """
        if self._given_store is not None:
            yield self._given_store, ""
            return
        from runner.registry.sqlite import repair

        if is_only_looked_at:
            with repair.readable(self.home) as (store, damage):
                yield store or self.registry, damage
            return
        found = repair.repair(self.home, self.clock)
        if found is not None:
            self._close_registry()
        yield self.registry, "" if found is None else found.sentence

    @cached_property
    def address(self) -> EngineAddress:
        """Where the Engine is. Raises EngineUnavailable, naming what was tried."""
        from runner.engine.discover import discover

        return discover(self._environ, Path.home(), self.home.path)

    @property
    def engine(self) -> Engine:
        """The Engine. Raises EngineUnavailable."""
        with self._lock:
            if self._engine is None:
                from runner.engine.early import engine_at

                self._engine = self._logged(engine_at(self.address))
            return self._engine

    def _logged(self, engine: Engine) -> Engine:
        """The Engine with its calls logged, if the logger ``runner.engine`` is at DEBUG by now."""
        if not _log.isEnabledFor(logging.DEBUG):
            return engine
        from runner.engine.calllog import CallLog
        from runner.engine.seam import Seam

        return Seam(engine, CallLog(_log, self.clock), self.clock)

    @cached_property
    def reach(self) -> Reach:
        """How ports of pods are reached from this process."""
        from runner.kubelet.prober.handlers import Reach

        return Reach(self.engine)

    def release(self) -> None:
        """Close what was opened here. The next call that needs the store opens another one; an Engine connects anew.

        What goes on aside is waited for, as long as an Engine may take that does not answer.
        """
        self._await_asides()
        self._close_registry()
        if self._given_engine is None and self._engine is not None:
            self._engine.close()

    def _close_registry(self) -> None:
        if self._given_store is not None:
            return
        with self._lock:
            closed, self._store = self._store, None
        if closed is not None:
            closed.close()

    def sweep(self) -> None:
        """Remove what dead processes of this state directory left behind; what cannot be removed now is found again."""
        from runner.janitor.gc import sweep

        with suppress(RunnerError):
            sweep(self.engine, self.registry, self.home, self.clock, strangers=False)

    def make_room(self, keys: Sequence[Key]) -> None:
        """Have what dead processes left behind go, objects of these names too that another process is removing."""
        from runner.core.fates import Fate
        from runner.registry.fates import Fates
        from runner.registry.holders import holder_is_alive

        def is_going() -> bool:
            found = [self.registry.get(*key) for key in keys]
            fates = Fates(self.registry, partial(holder_is_alive, self.home))
            return any(one is not None and fates.of(one) is Fate.ENDS for one in found)

        self.sweep()
        patience = Countdown(self.clock, ROOM_SECONDS)
        with self.registry.watch(kinds={kind for kind, _, _ in keys}) as watch:
            watch.next(0)
            while is_going() and not patience.is_over:
                watch.next(patience.left)

    def sweep_aside(self) -> None:
        """Sweep in a thread, which ``release`` waits for: it opens the store for itself."""
        aside = Ground(home=self.home, clock=self.clock, store=self._given_store, engine=self.engine)

        def work() -> None:
            try:
                aside.sweep()
            except Exception:
                _janitor_log.exception("what dead processes left behind could not be removed")
            finally:
                aside.release()

        thread = threading.Thread(target=work, name="podrunner-sweep", daemon=True)
        with self._lock:
            self._asides.append(thread)
        thread.start()

    def _await_asides(self) -> None:
        with self._lock:
            asides, self._asides = self._asides, []
        patience = Countdown(self.clock, ASIDE_SECONDS)
        for thread in asides:
            thread.join(patience.left)

"""Container output of a run: followed while containers run, saved, and told line by line.

Few threads read and save, and one thread tells everything. So a pod does not wait for whoever reads what is
told, up to ``BACKLOG_BYTES``, and nothing is lost when somebody reads slowly or only later.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from runner.clock import Clock
from runner.core.model import PodUID
from runner.core.narration import AttemptEnding, AttemptStarted, Listener, LogLines, Narration, StatusChanged
from runner.core.status.podstatus import ID_PREFIX, PodStatus
from runner.engine.protocol import LogChunk
from runner.errors import EngineError
from runner.kubelet.logs.files import LogFile, log_path
from runner.kubelet.logs.lane import LogLane, Steps
from runner.kubelet.logs.output import Assembler, LoggedEngine, OutputReader
from runner.registry.home import Home

SILENCE_SECONDS = 20.0
"""How long the Engine may send nothing of a container that has ended before the rest of its output is given up."""
KEPT_SILENCE_SECONDS = 0.3
"""The same for one that is let go of and runs on: what it had written so far is told."""
KEPT_SECONDS = 30.0
"""How long one that runs on, and never stops writing, is read at its run's end."""
TELL_SECONDS = 1.0
"""How long a pod waits at an attempt's end for a reader who takes nothing; its lines are told later then."""
BACKLOG_BYTES = 32 * 1024 * 1024
"""How much may be read and not told yet; more is not read before."""
_STOP_SECONDS = 1.0
_LOOK_SECONDS = 0.02
_PIECE_BYTES = 200
"""What a piece takes in memory beside its text, more or less."""
_log = logging.getLogger("runner.logs")


class LogCollector:
    """Follows containers, tells every line once and in order, and saves it below ``home`` (None: does not).

    A listener itself: an attempt that starts is followed, one that ends is read to its end before the call returns. What
    has ended, published statuses tell, so that the Engine need not be asked. It may go away and come back meanwhile.
    ``listener`` is called with LogLines, from one thread.
    """

    def __init__(
        self,
        engine: LoggedEngine,
        home: Home | None,
        listener: Listener,
        clock: Clock,
        *,
        backlog: int = BACKLOG_BYTES,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._home = home
        self._lock = threading.Lock()
        self._followers: dict[str, _Follower] = {}
        self._is_closed = False
        self._outbox = _Outbox(listener, backlog)
        self._lane = LogLane(clock)

    def __call__(self, message: Narration) -> None:
        match message:
            case AttemptStarted():
                self.follow(message)
            case StatusChanged(status=PodStatus() as status):
                self._note_ends(status)
            case AttemptEnding():
                self.follow(message)
                self.finish(message.container_id, is_removed=message.is_removed)
            case _:
                return

    def follow(self, attempt: AttemptStarted | AttemptEnding) -> None:
        """Follow a container from its first line that is not saved yet; one that is followed already stays so."""
        with self._lock:
            if self._is_closed or attempt.container_id in self._followers:
                return
            follower = _Follower(
                self._engine, attempt, self._outbox, self._file(attempt), self._clock, self._lane.wake, self._is_read
            )
            self._followers[attempt.container_id] = follower
        self._lane.follow(follower.steps())

    def _note_ends(self, status: PodStatus) -> None:
        """Whoever follows a container that has ended need not ask whether it has."""
        for container in status.all_containers():
            for ended in (container.terminated, container.last_terminated):
                if ended is not None and (follower := self._followers.get(ended.container_id.removeprefix(ID_PREFIX))):
                    follower.end()

    def _file(self, attempt: AttemptStarted | AttemptEnding) -> LogFile | None:
        if self._home is None:
            return None
        return LogFile(self._home, log_path(self._home, attempt.ref, attempt.container, attempt.attempt))

    def finish(self, container_id: str, *, is_removed: bool = True, silence: float = SILENCE_SECONDS) -> bool:
        """Wait until a container's output is read to its end, as long as the Engine sends some; whether it was.

        ``silence`` in seconds is how long it may send none. Called before the container is removed; afterwards nothing of it
        is read any more. What was read is told, unless whoever reads that makes no progress: then it is told later.
        """
        with self._lock:
            follower = self._followers.get(container_id)
        if follower is None:
            return True
        is_over = is_removed or follower.is_over or follower.is_known_to_have_ended()
        follower.hurry()
        is_whole = follower.finish(silence) if is_over else follower.catch_up()
        self._outbox.settle(TELL_SECONDS)
        return is_whole

    def forget(self, uid: PodUID, then: Callable[[], None] = lambda: None) -> None:
        """A pod is let go of: nothing of it is followed any more when it is read to its end.

        ``then`` is called when what was read of it by now is told.
        """
        with self._lock:
            for container_id, follower in list(self._followers.items()):
                if follower.uid == uid and follower.leave():
                    del self._followers[container_id]
        self._outbox.after(then)

    def _is_read(self, container_id: str) -> None:
        """A container's output is read to its end."""
        with self._lock:
            follower = self._followers.get(container_id)
            if follower is not None and follower.is_left:
                del self._followers[container_id]

    def hurry(self) -> None:
        """Somebody insists on an end: what is not read or told by now never is."""
        if self._outbox.drop():
            _log.warning("not all output was told: it was interrupted")
        with self._lock:
            followers = list(self._followers.values())
        for follower in followers:
            follower.stop()

    def close(self) -> None:
        """Stop following, after what was written so far, and wait until all is told, as long as that takes its reader."""
        with self._lock:
            self._is_closed = True
            followers = list(self._followers.values())
            self._followers.clear()
        for follower in followers:
            follower.want_no_more()
        for follower in followers:
            follower.catch_up()
        self._lane.close()
        self._outbox.close()


class _Follower:
    """Reads one container's output to its end."""

    def __init__(
        self,
        engine: LoggedEngine,
        attempt: AttemptStarted | AttemptEnding,
        outbox: _Outbox,
        file: LogFile | None,
        clock: Clock,
        wake: Callable[[], None],
        on_end: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self._wake = wake
        self._on_end = on_end
        self.uid = attempt.ref.uid
        self.is_left = False
        """Whether its pod was let go of."""
        self._attempt = attempt
        self._outbox = outbox
        self._file = file
        self._engine = engine.of(attempt.ref, attempt.container, attempt.attempt)
        self._reader = OutputReader(self._engine, attempt.container_id)
        self._assembler = Assembler(attempt.ref, attempt.container, is_init=attempt.is_init, attempt=attempt.attempt)
        self._batches = 0
        self._moves = True
        self._has_begun = False
        self._over = threading.Event()

    @property
    def is_over(self) -> bool:
        """Whether everything that the container wrote has been read, or reading was given up."""
        return self._over.is_set()

    def leave(self) -> bool:
        """Its pod is let go of. Returns whether all is read."""
        self.is_left = True
        return self.is_over

    def end(self) -> None:
        """The container has ended."""
        if not self._reader.has_ended:
            self._reader.end()
            self._wake()

    def hurry(self) -> None:
        """Somebody waits for the end."""
        self._reader.hurry()
        self._wake()

    def want_no_more(self) -> None:
        """What was written by now is enough, if it is not followed yet."""
        if self._reader.want_no_more():
            self._wake()

    def is_known_to_have_ended(self) -> bool:
        """Whether the container writes nothing more, as far as the Engine says."""
        try:
            return self._reader.has_ended or self._reader.is_over()
        except EngineError:
            return False

    def finish(self, silence: float) -> bool:
        """Wait for the end of what the container wrote; whether it came before the Engine was silent too long."""
        while not self._is_over_after(silence):
            if not self._moves:
                self.stop()
                self._over.wait(_STOP_SECONDS)
                text = "the output of container %s is not complete: the Engine sent nothing of it for %g seconds"
                _log.warning(text, self._attempt.container, silence)
                return False
        return True

    def catch_up(self) -> bool:
        """Read what the container has written so far, and stop; whether it has ended."""
        if self.is_over:
            return True
        newest, steady = None if self._reader.is_read_at_once else self._newest(), self._clock.steady
        end, moved = steady() + KEPT_SECONDS, steady()
        while newest is None or self._reader.latest < newest:
            if self._is_over_after(_LOOK_SECONDS):
                return True
            if self._moves or not self._has_begun:
                moved = steady()
            is_late = steady() >= end and not self._outbox.is_full
            if is_late and self._moves:
                _log.warning("container %s goes on writing; its output is told no further", self._attempt.container)
            if is_late or steady() - moved >= KEPT_SILENCE_SECONDS:
                break
        is_over = self.is_over
        self.stop()
        self._over.wait(_STOP_SECONDS)
        return is_over

    def _newest(self) -> str | None:
        """The time of the last thing that the container has written by now, "" when there is none; None: nobody knows."""
        try:
            # A reader of its own: what is only looked at here must not count as read.
            reader = OutputReader(self._engine, self._attempt.container_id)
            pieces = [piece for batch in reader.now(tail=1) for piece in batch]
        except EngineError:
            return None
        return pieces[-1].timestamp if pieces else ""

    def _is_over_after(self, seconds: float) -> bool:
        """Wait for the end; whether it has come. Sets ``_moves``: something came, or could not be taken, meanwhile."""
        before = self._batches
        is_over = self._over.wait(seconds)
        self._moves = self._batches != before or self._outbox.is_full
        return is_over

    def stop(self) -> None:
        self._reader.close()
        self._wake()

    def steps(self) -> Steps:
        """Read to the end, step by step."""
        try:
            if self._file is not None:
                self._reader.saw(self._file.read())
                self._file.begin()
            for pieces in self._reader.steps(is_told=True):
                if pieces:
                    self._take(pieces)
                step = self._reader.next_step
                yield step
                self._has_begun |= not step.rest
        except EngineError as error:
            _log.warning("cannot read the output of container %s: %s", self._attempt.container, error)
        finally:
            self._outbox.put(self._assembler, None)
            if self._file is not None:
                self._file.close()
            self._over.set()
            self._on_end(self._attempt.container_id)

    def _take(self, pieces: Sequence[LogChunk]) -> None:
        self._batches += 1
        if self._file is not None:
            self._file.write(pieces)
        self._outbox.put(self._assembler, pieces)


class _Outbox:
    """What was read and is not told yet, in the order in which it came. One thread tells it."""

    def __init__(self, listener: Listener, most: int) -> None:
        self._listener = listener
        self._most = most
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Callable[[], None], int]] = deque()
        """What is done in turn, each with how many bytes it stands for."""
        self._size = 0
        self._put = 0
        self._told = 0
        self._is_telling = False
        self._is_closed = False
        self._drops = False
        self._thread: threading.Thread | None = None

    @property
    def is_full(self) -> bool:
        return self._size > self._most

    def put(self, assembler: Assembler, pieces: Sequence[LogChunk] | None) -> None:
        """Have pieces told, None for the end of a container's output; waits while it is full."""
        with self._changed:
            self._changed.wait_for(lambda: not self.is_full or self._drops)
            if self._drops:
                return
            self._add(partial(self._tell, assembler, pieces), _size(pieces))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="logs", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def _add(self, work: Callable[[], None], size: int) -> None:
        self._waiting.append((work, size))
        self._size += size
        self._put += 1

    def after(self, work: Callable[[], None]) -> None:
        """Have something done when all that is here by now is told; at once where nothing is."""
        with self._changed:
            if not self._is_idle and not self._drops:
                self._add(work, 0)
                return
        work()

    def settle(self, seconds: float) -> None:
        """Wait until what is here by now is told, as long as there is some progress within so many seconds."""
        with self._changed:
            last = self._put
            while self._told < last and not self._drops:
                before = self._told
                if not self._changed.wait_for(partial(self._has_moved, before), seconds):
                    return

    def _has_moved(self, before: int) -> bool:
        return self._told != before or self._drops

    def drop(self) -> bool:
        """Tell nothing more; whether something was left to tell."""
        with self._changed:
            was_idle = self._is_idle
            self._drops = True
            self._waiting.clear()
            self._size = 0
            self._changed.notify_all()
        return not was_idle

    def close(self) -> None:
        """Wait until everything is told, and end: what comes later is dropped."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._is_idle or self._drops)
            self._drops = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(_STOP_SECONDS)

    @property
    def _is_idle(self) -> bool:
        return not self._waiting and not self._is_telling

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting) or self._is_closed or self._drops)
                if not self._waiting:
                    return
                work, size = self._waiting.popleft()
                self._is_telling = True
            try:
                work()
            except Exception:
                _log.exception("whoever listens to output has failed")
            with self._changed:
                self._is_telling = False
                self._told += 1
                self._size = max(0, self._size - size)
                self._changed.notify_all()

    def _tell(self, assembler: Assembler, pieces: Sequence[LogChunk] | None) -> None:
        lines = assembler.rest() if pieces is None else assembler.whole(pieces)
        if lines:
            self._listener(LogLines(ref=lines[0].ref, lines=tuple(lines)))


def _size(pieces: Sequence[LogChunk] | None) -> int:
    return sum(len(piece.data) + _PIECE_BYTES for piece in pieces or ())

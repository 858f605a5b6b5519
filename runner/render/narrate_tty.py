"""Narration on a terminal: the plain lines in colour and within its width, and below them a live region.

The region has a line for each container on its way, with its seconds, and a bar for each layer of a pull. It appears when a run
lasts longer than a moment, and goes when the run waits for nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from runner.core.narration import LogLine, Narration, PullEnded, Pulling
from runner.core.text.escaping import for_terminal
from runner.render.logs import LogPrinter
from runner.render.narrate_plain import PlainNarrator
from runner.render.region import Region
from runner.render.streams import Output
from runner.render.style import Paint
from runner.render.wrapping import wrapped

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live
    from rich.progress import Progress, Task, TaskID

_BYTES_MOVE = ("Downloading", "Extracting")
APPEARS_SECONDS = 0.7
"""A run that is over sooner needs no live region."""
REFRESH_PER_SECOND = 4
_LEAST_MESSAGE = 36
"""Columns that a message needs beside what stands before it; with fewer it goes on under the time."""
_LONGEST_OWNER = 22


class TtyNarrator(PlainNarrator):
    """Lines go above the live region; rich is imported when the region appears. ``now`` gives the time that is shown."""

    def __init__(
        self,
        err: Output,
        paint: Paint,
        logs: LogPrinter,
        *,
        now: Callable[[], datetime],
        verbose: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(err, paint, logs, verbose=verbose, **more)
        self._now = now
        self._region = Region()
        self._live: Live | None = None
        self._bars: Progress | None = None
        self._tasks: dict[tuple[str, str], TaskID] = {}
        self._appearing: threading.Timer | None = None
        self._is_closed = False

    @property
    def bars(self) -> list[Task]:
        """The bars that are drawn now."""
        return [] if self._bars is None else list(self._bars.tasks)

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            if self._appearing is not None:
                self._appearing.cancel()
            live, self._live = self._live, None
        if live is not None:  # Its thread may wait for our lock.
            live.stop()
        self._bars = None

    def _show(self, narration: Narration) -> None:
        self._region.take(narration)
        if self._appearing is None and not self._is_closed:
            self._appearing = threading.Timer(APPEARS_SECONDS, self.appear)
            self._appearing.daemon = True
            self._appearing.start()
        super()._show(narration)

    def appear(self) -> None:
        """Draw the live region from now on."""
        from rich.live import Live

        with self._lock:
            if self._live is not None or self._is_closed:
                return
            self._live = Live(
                console=_console(self._err, colourless=not self._paint.enabled),
                get_renderable=self._drawing,
                refresh_per_second=REFRESH_PER_SECOND,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start(refresh=True)

    def _drawing(self) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        # Without our lock: the thread that prints holds it and waits for the one that is held while this is drawn.
        lines, bars = self._region.lines(self._now(), self._err.columns - 1), self._bars
        shown: list[RenderableType] = [Text(for_terminal(line), style="dim", no_wrap=True) for line in lines]
        return Group(*shown, *([bars] if bars is not None and bars.tasks else []))

    # --- lines ------------------------------------------------------------------------------------------------------

    def _log(self, lines: Sequence[LogLine]) -> None:
        if self._live is None or not self._logs.out.is_terminal:
            super()._log(lines)
            return
        for line in lines:
            with self._lock:
                self._print(self._logs.prefix(line) + line.data.decode("utf-8", "replace"))

    def _print(self, text: str) -> None:
        if self._live is None:
            super()._print(text)
            return
        from rich.text import Text

        self._live.console.print(Text.from_ansi(for_terminal(text)), soft_wrap=True, highlight=False)

    def _owner(self, pod: str) -> str:
        """The only pod of a run needs no name; the middle of a long one says least."""
        if not self._logs.with_pod:
            return ""
        half = _LONGEST_OWNER // 2
        return pod if len(pod) <= _LONGEST_OWNER else f"{pod[: half - 1]}…{pod[-half:]}"

    def _wrapped(self, message: str, indent: int) -> list[str]:
        """Break between words; what follows stands under the message, or under the time where that is too narrow."""
        width = self._err.columns - 1
        hanging = indent if width - indent >= _LEAST_MESSAGE else len("12:00:00  ")
        lines: list[str] = []
        for part in message.split("\n"):
            taken = hanging if lines else indent
            first, *rest = wrapped(part, width, first=taken, hanging=hanging)
            lines += [" " * hanging + first if lines else first, *rest]
        return lines

    # --- pulls ------------------------------------------------------------------------------------------------------

    def _pull(self, narration: Pulling | PullEnded) -> None:
        if isinstance(narration, PullEnded):
            self._end(narration.image)
        elif narration.progress.layer and narration.progress.total and narration.progress.status in _BYTES_MOVE:
            self._move(narration)

    def _move(self, pulling: Pulling) -> None:
        self.appear()
        step = pulling.progress
        if self._bars is None:
            self._bars = _progress(_console(self._err, colourless=not self._paint.enabled))
        bars = self._bars
        text = f"{pulling.image} {step.layer} {step.status}"
        key = (pulling.image, step.layer + step.status)
        if key not in self._tasks:
            self._tasks[key] = bars.add_task(text, total=step.total)
        task = next(task for task in bars.tasks if task.id == self._tasks[key])
        bars.update(self._tasks[key], total=step.total, completed=max(task.completed, step.current))

    def _end(self, image: str) -> None:
        for key in [key for key in self._tasks if key[0] == image]:
            task = self._tasks.pop(key)
            if self._bars is not None:
                self._bars.remove_task(task)


def _console(err: Output, *, colourless: bool) -> Console:
    from rich.console import Console

    # That this is a terminal which can draw was decided before, by the caller's environment and not the process'.
    return Console(file=err.stream, force_terminal=True, no_color=colourless, _environ={})


def _progress(console: Console) -> Progress:
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    return Progress(TextColumn("{task.description}"), BarColumn(bar_width=24), DownloadColumn(), console=console)

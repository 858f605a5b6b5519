"""A run as the client that wrote its pods sees it: it waits for what it was asked to, judges, and ends or keeps the pods."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import datetime

from msgspec.structs import replace

from runner.api.following import Following, told
from runner.client.contract import Client
from runner.clock import Countdown, Wakeup
from runner.core.model import Object
from runner.core.text.times import later
from runner.core.verdict import VerdictOptions, hopeless, left, verdict
from runner.errors import ExitCode
from runner.kubelet.options import Keep, RunOptions
from runner.node.node import Node
from runner.node.outcome import StopRequest
from runner.node.roster import MOST_PAST
from runner.node.threads import HALT_SECONDS, SIGNAL_SECONDS, Threads

FORCED_SECONDS = 10.0
"""How long a forced deletion may take before the process lets go of what is left."""

REST_SHARE, REST_SECONDS_A_POD, LONGEST_REST_SECONDS = 9.0, 0.004, 0.2
"""So much longer than it took to judge many pods they are not judged again: news gather meanwhile. At most so many seconds
for each pod that is not there yet, so that the end, which comes with the last of them, is seen at once; and in all."""


class Waiting:
    """One run and the node that it has brought along."""

    def __init__(
        self, node: Node, threads: Threads, options: RunOptions, on_close: Callable[[], None] = lambda: None
    ) -> None:
        """``on_close`` ends what the run has brought beside the node."""
        self.node = node
        self._on_close = on_close
        self._threads = threads
        self._options = options
        self._clock = node.clock
        self._news = Wakeup()
        self._has_let_go = False
        self._stop = StopRequest()
        node.on_news(self._news.set)
        if node.standing is not None:
            node.standing.tell(self._news.set)
            node.on_leave(node.standing.forget)
        node.roster.remember(MOST_PAST)

    def open(self, since: datetime) -> None:
        """Let the pods live; what the Engine tells counts since an instant."""
        self._threads.open(since)
        self._threads.start()

    def start(self) -> None:
        """Let the pods live that have come since."""
        self._threads.start()

    def wait(self, stop: StopRequest, client: Client, *, leaves_standing: bool = False) -> tuple[int, str]:
        """Wait for what the run was asked to wait for. Returns the exit code and a line that says why.

        Judged is what the registry says of its objects; the run's own node only adds why something does not go on.
        ``leaves_standing``: as soon as a pod stands at a breakpoint that is enough.
        """
        self._heed(stop)
        timeout = self._options.timeout
        began, began_at = self._clock.steady(), self._clock.now()
        options = self._judged(None if timeout is None else later(began_at, timeout))
        kinds = {str(one.workload.kind) for one in self.node.controllers}
        with closing(Following(client, self.node.view(), kinds)) as following:
            while True:
                looked_at = self._clock.steady()
                self.node.check()
                by_node = self.node.view()
                view = replace(told(following.view(), by_node.pods), is_interrupted=stop.requested)
                # By the steady clock: the other one may be set meanwhile. While pods stand still no time passes.
                took = max(0.0, self._clock.steady() - began - self._stood)
                now = later(began_at, took)
                found = verdict(view, options, now)
                if found is not None:
                    return found
                if leaves_standing and self._stands:
                    return ExitCode.OK, ""
                rest = rest_after(self._clock.steady() - looked_at, left(view, options))
                self._wait_for_news(self._patience(None if timeout is None else timeout - took))
                self._clock.sleep(rest)

    @property
    def _stood(self) -> float:
        """For how many seconds some pod has stood still at a breakpoint."""
        return 0.0 if self.node.standing is None else self.node.standing.seconds

    @property
    def _stands(self) -> bool:
        return self.node.standing is not None and self.node.standing.is_anywhere

    def _patience(self, left: float | None) -> Countdown:
        """How long there is to wait for news; without limit while a pod stands still."""
        return Countdown(self._clock, None if left is None or self._stands else max(0.0, left))

    def _heed(self, stop: StopRequest) -> None:
        if stop is not self._stop:
            self._stop = stop
            stop.subscribe(self._news.set)
            stop.subscribe(self._threads.look_again)

    def _judged(self, deadline: datetime | None = None) -> VerdictOptions:
        """What decides when the run is over."""
        options, worker = self._options, self._options.worker
        return VerdictOptions(
            until=options.until,
            exit_code_from=options.exit_code_from,
            fail_fast=options.fail_fast,
            max_restarts=worker.max_restarts,
            gives_up=worker.retry.gives_up if worker.retry.may_give_up else None,
            scope=worker.retry.scope,
            deadline=deadline,
        )

    def _wait_for_news(self, patience: Countdown) -> None:
        """Wait until something happens, at most until patience is over."""
        while not patience.is_over:
            tick = Countdown(self._clock, patience.within(SIGNAL_SECONDS))
            if self._clock.wait(tick.until, self._news):
                return

    def hopeless(self, uid: str) -> str:
        """What keeps a pod from going on and has been tried often enough; "" when nothing does."""
        found = self.node.find(uid)
        trouble = None if found is None else hopeless(found.view, self._judged())
        return "" if trouble is None else str(trouble)

    @property
    def pods(self) -> tuple[Object, ...]:
        """The pods as they were published last."""
        return self.node.pods

    # --- the end ----------------------------------------------------------------------------------------------------

    def keeps(self, exit_code: int) -> bool:
        """Whether the options want the pods to stay after such an end."""
        keep = self._options.keep
        return keep is Keep.ALWAYS or (keep is Keep.FAILED and exit_code not in (ExitCode.OK, ExitCode.INTERRUPTED))

    def finish(self, exit_code: int, stop: StopRequest) -> None:
        """Delete the pods and wait until they are gone, or let go of them, as the options say.

        They are kept from then on whatever their workers are still at: who asks to stop meanwhile does not wait for them.
        """
        self._heed(stop)
        if self.keeps(exit_code):
            self.node.keep()
            self._has_let_go = not self._threads.join(HALT_SECONDS, gives_up=self._insists())
            self.node.say_goodbye()
        else:
            self.delete_all(stop, grace=self._options.grace)
        self.close()

    def ask_for_deletion(self, grace: int | None) -> None:
        """Ask for the deletion of every pod, and do not wait for it."""
        self.node.ask_for_deletion(grace)

    def delete_all(self, stop: StopRequest, *, grace: int | None = None) -> None:
        """Ask for the deletion of every pod and wait until all are gone; a forced stop kills at once."""
        self._heed(stop)
        self.ask_for_deletion(0 if stop.forced else grace)
        patience = Countdown(self._clock, None)
        is_forced = False
        while True:
            self.node.reconcile()
            if self.node.is_empty:
                break
            if stop.forced and not is_forced:
                is_forced = True
                self.node.kill_all()
                patience = Countdown(self._clock, FORCED_SECONDS)
            if patience.is_over:
                self._has_let_go = True
                self.node.give_up()
                return
            self._wait_for_news(patience)
        self.node.check()

    def _insists(self) -> Callable[[], bool]:
        """Tells whether the user has asked to stop once more since now."""
        before = self._stop.times
        return lambda: self._stop.times > before

    def close(self) -> None:
        """Stop the workers that still run, where they are, and listen to nothing any more.

        Afterwards the pods of a run that broke can be removed: a worker would make things anew.
        """
        self.node.settle()
        insists = self._insists()
        # First: a pod that is heard of later would have a worker that is not waited for.
        self._threads.close(gives_up=insists)
        self._on_close()
        self.node.detach()
        if not self._has_let_go:
            self._threads.join(HALT_SECONDS, gives_up=insists)


def rest_after(took: float, pods: int) -> float:
    """How many seconds not to judge again, when judging took so long and so many pods are not there yet; never negative."""
    return min(REST_SHARE * max(0.0, took), REST_SECONDS_A_POD * max(1, pods), LONGEST_REST_SECONDS)

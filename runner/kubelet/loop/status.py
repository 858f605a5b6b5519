"""Computes the status of one pod and publishes it when it has changed. Mirrors pkg/kubelet/status/status_manager.go."""

from __future__ import annotations

from runner.clock import Clock
from runner.core.model import ProbeKind
from runner.core.narration import StatusChanged
from runner.core.observed import ProbeResult, ProbeResults
from runner.core.reasons import EventReason, normal
from runner.core.status.containerstatus import StartFailure
from runner.core.status.podstatus import ID_PREFIX, PodStatus
from runner.core.status.status import (
    DEADLINE_MESSAGE,
    PodFailure,
    generate_status,
    held_back,
    probed_status,
    terminate_status,
)
from runner.kubelet.loop.podcache import PodCache
from runner.kubelet.loop.reporter import Reporter
from runner.registry.contract import Registry


class StatusManager:
    """The status of one pod. Used by the worker's thread; ``published`` may be read from any."""

    def __init__(
        self,
        cache: PodCache,
        registry: Registry,
        reporter: Reporter,
        clock: Clock,
        results: ProbeResults,
        *,
        host_ip: str,
        stored: PodStatus | None = None,
    ) -> None:
        """``stored`` is what another process has published before this one."""
        self.status = stored
        """What the pod's containers amount to; decisions go by it."""
        self.published = stored
        """What everybody sees: the same, but a final phase is held back until nothing of the pod runs."""
        self.failure: PodFailure | None = None
        """Why the pod has failed, whatever its containers say."""
        self._may_run = True
        """Whether containers of the pod may run: until the pod was stopped for good."""
        self._reasons: dict[str, StartFailure] = {}
        self._cache = cache
        self._registry = registry
        self._reporter = reporter
        self._clock = clock
        self._results = results
        self._host_ip = host_ip

    # --- what the status is made of ----------------------------------------------------------------------------------

    def waits(self, name: str, failure: StartFailure) -> bool:
        """A container waits, and this is why. Returns whether that is news."""
        is_news = self._reasons.get(name) != failure
        self._reasons[name] = failure
        return is_news

    def waits_no_more(self, name: str) -> None:
        """What a container waited for is over."""
        self._reasons.pop(name, None)

    def evict(self, failure: PodFailure) -> None:
        """The pod fails for a reason of its own, and is to be stopped."""
        self.failure = failure
        self.publish()
        self._cache.poke()

    def reject(self, status: PodStatus) -> None:
        """Nothing of the pod will ever run: publish this status, final as it is."""
        self._may_run = False
        self.announce(status)

    # --- publishing --------------------------------------------------------------------------------------------------

    def publish(self) -> None:
        """Compute the status from what was seen last, and publish it if it differs from the one before."""
        self.announce(self._computed())

    def finish(self, *, is_stopped: bool) -> None:
        """Publish how the containers ended, now that they are stopped for good, and then the last status with its final phase.

        ``is_stopped``: its sandbox too, so that what is not known to have ended counts as killed.
        """
        self.announce(self._computed(is_terminal=True))
        status = self._computed(is_terminal=True)
        self._may_run = False
        self.announce(terminate_status(self._cache.pod, status) if is_stopped else status)

    def _computed(self, *, is_terminal: bool = False) -> PodStatus:
        status = generate_status(
            self._cache.pod,
            self._cache.observed,
            self._reasons,
            self._results,
            self.status,
            self._clock.now(),
            is_terminal=is_terminal,
            host_ip=self._host_ip,
            failure=self.failure,
            stood=self._cache.stood,
        )
        if self._may_run and status.reason == EventReason.DEADLINE_EXCEEDED:
            # A kubelet says it each time it computes the status (active_deadline.go).
            self._reporter.event(normal(EventReason.DEADLINE_EXCEEDED, DEADLINE_MESSAGE))
        return status

    def announce(self, status: PodStatus) -> None:
        """Store a status and tell the listener, unless it is the one that is known."""
        self.status = status
        before = self.published
        if self._may_run:
            status = held_back(before, status)
        # What differs mostly differs in its containers; to compare everything takes longer.
        if before is not None and status.containers == before.containers and status == before:
            return
        self.published = status
        self._registry.publish_status(self._cache.pod.uid, status)
        self.show()

    def show_probed(self, kind: ProbeKind, container_id: str, verdict: ProbeResult) -> None:
        """Publish what a readiness or startup probe says of a container, whatever else is going on with the pod."""
        if self.status is not None and kind is not ProbeKind.LIVENESS:
            published_id = f"{ID_PREFIX}{container_id}"
            now = self._clock.now()
            self.announce(probed_status(self._cache.pod, self.status, published_id, kind, verdict, now))

    def show(self) -> None:
        """Tell the listener what the whole pod looks like now."""
        reporter = self._reporter
        manifest = self._cache.pod.manifest
        reporter.tell(StatusChanged(at=self._clock.now(), ref=reporter.ref, manifest=manifest, status=self.published))

"""The results of the probes of one pod. Mirrors pkg/kubelet/prober/results/results_manager.go."""

from __future__ import annotations

from runner.core.model import ProbeKind
from runner.core.observed import ProbeResult, ProbeResults


class Results:
    """The current results by kind and container id. ``view`` follows them."""

    def __init__(self) -> None:
        self._verdicts: dict[ProbeKind, dict[str, ProbeResult]] = {kind: {} for kind in ProbeKind}
        self.view = ProbeResults(
            startup=self._verdicts[ProbeKind.STARTUP],
            liveness=self._verdicts[ProbeKind.LIVENESS],
            readiness=self._verdicts[ProbeKind.READINESS],
        )

    def get(self, kind: ProbeKind, container_id: str) -> ProbeResult | None:
        """The result; None: there is none yet."""
        return self._verdicts[kind].get(container_id)

    def set(self, kind: ProbeKind, container_id: str, verdict: ProbeResult) -> bool:
        """Store a probe's result. Returns whether it has changed."""
        verdicts = self._verdicts[kind]
        is_news = verdicts.get(container_id) is not verdict
        verdicts[container_id] = verdict
        return is_news

    def begin(self, kind: ProbeKind, container_id: str, verdict: ProbeResult) -> None:
        """Store the initial result, which counts until the probe has run."""
        self._verdicts[kind].setdefault(container_id, verdict)

    def drop(self, kind: ProbeKind, container_id: str) -> None:
        """Forget one probe's result about an instance."""
        self._verdicts[kind].pop(container_id, None)

    def forget(self, container_id: str) -> None:
        """Forget all results about an instance that has ended."""
        for verdicts in self._verdicts.values():
            if container_id in verdicts:
                del verdicts[container_id]

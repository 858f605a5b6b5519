"""What the rooms of the kubelet share of one pod: each part owns its state and can be had alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runner.clock import VirtualClock, Wakeup
from runner.core.model import Pod, ProbeKind
from runner.core.narration import Narration, PodRef, StatusChanged
from runner.core.observed import Observed, ProbeResult
from runner.core.reasons import WaitingReason
from runner.core.status.containerstatus import StartFailure
from runner.core.sync.backoff import BackoffSettings
from runner.core.sync.pulling import Refuse
from runner.engine.simulated import SimulatedEngine
from runner.errors import EngineUnavailable, ImagePullError, PullFailure
from runner.kubelet.images.manager import ImageManager, ImageReady
from runner.kubelet.images.pullqueue import PullQueue
from runner.kubelet.loop.jobs import InlineJobs
from runner.kubelet.loop.observer import Observer
from runner.kubelet.loop.podcache import PodCache
from runner.kubelet.loop.recorder import EventRecorder
from runner.kubelet.loop.reporter import Reporter
from runner.kubelet.loop.restarts import Restarts
from runner.kubelet.loop.status import StatusManager
from runner.kubelet.loop.tasks import Handle
from runner.kubelet.loop.troubles import Troubles
from runner.kubelet.options import WorkerOptions
from runner.kubelet.prober.results import Results
from runner.registry.memory import MemoryRegistry
from tests.support.pods import make_pod, observed, record

HELD = StartFailure(reason=WaitingReason.CRASH_LOOP_BACK_OFF, message="back-off")


class Scene:
    """One pod on a simulated Engine, and what is known of it."""

    def __init__(self, pod: Pod | None = None) -> None:
        self.pod = pod or make_pod()
        self.clock = VirtualClock()
        self.engine = SimulatedEngine(self.clock)
        self.registry = MemoryRegistry()
        self.registry.create(dict(self.pod.manifest))
        self.told: list[Narration] = []
        listener = self.told.append
        recorder = EventRecorder(self.pod, self.registry, listener, self.clock, "node")
        ref = PodRef(namespace=self.pod.namespace, name=self.pod.name, uid=self.pod.uid)
        self.reporter = Reporter(ref, recorder, listener, self.clock)
        self.cache = PodCache(
            self.pod, Observer(self.engine, self.clock, self.pod.uid), self.clock, node_name="node", host_ip="10.0.0.1"
        )
        self.results = Results()
        self.statuses = StatusManager(
            self.cache, self.registry, self.reporter, self.clock, self.results.view, host_ip="10.0.0.1"
        )

    def see(self, seen: Observed) -> None:
        """Let the next look show this."""
        self.cache.complete_with(lambda _: seen)
        self.cache.look()

    @property
    def shown(self) -> int:
        """How many statuses were published."""
        return sum(isinstance(one, StatusChanged) for one in self.told)


def test_a_look_that_fails_is_due_still() -> None:
    scene = Scene()
    scene.cache.look()
    assert not scene.cache.dirty
    scene.cache.observer.mistrust()
    scene.engine.fail_next("list_containers", EngineUnavailable("gone"))
    with pytest.raises(EngineUnavailable):
        scene.cache.look()
    assert scene.cache.dirty


def test_what_was_removed_here_is_no_news() -> None:
    scene = Scene()
    scene.see(observed(record(scene.pod, "main", "exited")))
    (one,) = scene.cache.observed.containers
    scene.cache.drop(one.id)
    assert (scene.cache.observed.containers, scene.cache.dirty) == ((), False)


def test_a_status_that_is_known_is_not_published_again() -> None:
    scene = Scene()
    scene.see(observed(record(scene.pod, "main")))
    scene.statuses.publish()
    version = scene.registry.version()
    scene.statuses.publish()
    assert (scene.shown, scene.registry.version()) == (1, version)
    assert scene.statuses.waits("main", HELD)
    assert not scene.statuses.waits("main", HELD), "the same reason is no news"


def test_everybody_sees_a_final_phase_when_nothing_of_the_pod_runs_any_more() -> None:
    scene = Scene(make_pod(policy="Never"))
    for state in ("running", "exited"):
        scene.see(observed(record(scene.pod, "main", state)))
        scene.statuses.publish()
    status, published = scene.statuses.status, scene.statuses.published
    assert status is not None
    assert published is not None
    assert (status.phase, published.phase) == ("Succeeded", "Running")
    scene.statuses.finish(is_stopped=True)
    assert scene.statuses.published is not None
    assert scene.statuses.published.phase == "Succeeded"


def test_the_number_of_an_attempt_is_never_given_again() -> None:
    scene = Scene()
    restarts = Restarts(scene.pod.uid, scene.registry.ledger, WorkerOptions())
    restarts.note_attempt("main", 3)
    restarts.note_attempt("main", 1)
    restarts.begin("POD", 2)
    assert restarts.memory.attempts == restarts.attempts == {"main": 3, "POD": 2}
    again = Restarts(scene.pod.uid, scene.registry.ledger, WorkerOptions())
    assert again.attempts == {"main": 3}, "what was not noted for good is not remembered"


def test_verdicts_are_news_once_and_go_with_their_instance() -> None:
    results = Results()
    assert results.set(ProbeKind.READINESS, "c1", ProbeResult.SUCCESS)
    assert not results.set(ProbeKind.READINESS, "c1", ProbeResult.SUCCESS)
    results.begin(ProbeKind.READINESS, "c1", ProbeResult.FAILURE)
    assert results.view.readiness == {"c1": ProbeResult.SUCCESS}
    results.forget("c1")
    assert results.view.readiness == {}


def test_a_pull_that_has_failed_holds_the_next_one() -> None:
    scene = Scene()
    wakeup = Wakeup()
    images = ImageManager(
        scene.cache,
        scene.engine,
        scene.registry,
        scene.reporter,
        InlineJobs(scene.clock, wakeup, scene.engine),
        scene.clock,
        settings=BackoffSettings(),
        troubles=Troubles(),
        ticket=PullQueue().ticket(wakeup.set),
        locks=None,
    )

    container = scene.pod.containers[0]

    def ensure() -> ImageReady | Refuse:
        task = Handle(images.ensure(container), "image")
        while not task.done:
            task.advance(scene.clock.now())
        return task.result

    scene.engine.fail_next("pull_image", EngineUnavailable("gone"))
    with pytest.raises(EngineUnavailable):
        ensure()
    assert not images.has_failed, "an Engine that does not answer says nothing about an image"
    scene.engine.fail_next("pull_image", ImagePullError("no such tag", kind=PullFailure.NOT_FOUND))
    refused = ensure()
    assert isinstance(refused, Refuse)
    assert refused.reason == WaitingReason.ERR_IMAGE_PULL
    ahead = images.ahead(container, scene.engine)
    assert (images.has_failed, ahead) == (True, None), "nothing is tried ahead of its turn that has failed"
    assert images.ahead(replace(container, image="another"), scene.engine) is not None
    held = ensure()
    assert isinstance(held, Refuse)
    assert held.reason == WaitingReason.IMAGE_PULL_BACK_OFF
    assert held.ready_at is not None
    scene.clock.advance(held.ready_at)
    assert isinstance(ensure(), ImageReady)

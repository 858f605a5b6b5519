"""What is written for a node is found in the registry and begun before it has a worker, and taken away again by the ledger."""

from __future__ import annotations

from functools import partial

import pytest

from runner.clock import Flag
from runner.core.labels import MANAGED, POD_NAME
from runner.core.model import Object, Pod
from runner.errors import StoreError
from runner.kubelet.containers.sandbox import SandboxMaker
from runner.kubelet.loop.jobs import InlineJobs
from runner.kubelet.loop.making import Making
from runner.lab import new_pod
from runner.lab.virtual import VirtualNode
from runner.node.newcomers import Newcomers
from runner.node.owning import Owned, begin_sandbox
from runner.registry.admission import create
from runner.registry.contract import Registry, unversioned, without_status
from runner.registry.ledger import Ledger
from tests.lab.test_roster import written
from tests.support.counting import counted

ME = "me"


class Bench:
    """A registry and an Engine without a node; ``made`` are the names of the pods that somebody has found."""

    def __init__(self) -> None:
        virtual = VirtualNode()
        self.clock, self.registry, self.engine = virtual.clock, virtual.store, virtual.engine
        self.made: list[str] = []

    def newcomers(self, registry: Registry | None = None) -> Newcomers:
        store = registry or self.registry
        begin = partial(
            begin_sandbox, engine=self.engine, store=store, clock=self.clock, image="podrunner/sandbox:simulated"
        )
        return Newcomers(store, ME, self._own, begin)

    def _own(self, value: Object) -> Owned:
        pod = Pod.from_json(unversioned(without_status(value)))
        self.made.append(pod.name)
        wakeup = Flag()
        jobs = InlineJobs(self.clock, wakeup, self.engine)
        return Owned(pod, wakeup, jobs, owner=ME, making=Making())

    def write(self, *names: str, holder: str = ME) -> list[str]:
        spec = {"containers": [{"name": "main", "image": "busybox:1.36"}]}
        values = [{"kind": "Pod", **new_pod({"metadata": {"name": name}, "spec": spec}).manifest} for name in names]
        return [str(one["metadata"]["uid"]) for one in create(self.registry, *values, holder=holder)]

    @property
    def sandboxes(self) -> list[str]:
        return sorted(one.labels[POD_NAME] for one in self.engine.list_containers({MANAGED: ""}))


def test_what_is_written_for_a_node_is_begun_once_and_in_that_order() -> None:
    bench = Bench()
    bench.write("second", "first")
    bench.write("foreign", holder="another")
    newcomers = bench.newcomers()
    for _ in range(2):
        newcomers.look()
        assert bench.made == ["second", "first"]
        assert bench.sandboxes == ["first", "second"]
    (later,) = bench.write("later")
    newcomers.look(later)
    assert bench.made == ["second", "first", "later"]
    assert [bench.registry.get_by_uid(uid)["metadata"]["name"] for uid in newcomers.waiting] == bench.made  # type: ignore[index]


def test_a_pod_that_was_read_back_is_the_one_that_was_written() -> None:
    bench = Bench()
    (uid,) = bench.write("web")
    newcomers = bench.newcomers()
    newcomers.look()
    owned = newcomers.take(uid)
    assert owned is not None
    assert "resourceVersion" not in owned.pod.manifest["metadata"]
    assert owned.ahead.volumes is not None, "its sandbox was begun"
    assert newcomers.take(uid) is None


def test_what_another_node_has_begun_is_not_begun_on_the_empty_world() -> None:
    bench = Bench()
    noted, held = bench.write("noted", "held")
    bench.registry.ledger.note_attempt(noted, "POD", 0)
    bench.registry.ledger.note(held, "former holder", "dead")
    bench.newcomers().look()
    assert (bench.made, bench.sandboxes) == ([], [])


def test_what_the_node_holds_by_the_ledger_is_given_up_begun_or_not_and_nothing_else() -> None:
    bench = Bench()
    begun, lost = bench.write("begun", "lost")
    newcomers = bench.newcomers()
    newcomers.look()
    bench.write("unseen")
    bench.write("foreign", holder="another")
    assert bench.registry.ledger.take(lost, ME, "another")
    gone, _ = bench.write("gone", "last")
    newcomers.look(gone)
    bench.registry.delete("Pod", "default", "gone")
    assert bench.sandboxes == ["begun", "gone", "lost"]
    newcomers.abandon(bench.engine, bench.clock)
    assert bench.sandboxes == ["lost"], "what has no object any more may be in the Engine still"
    left = [one["metadata"]["name"] for one in bench.registry.list("Pod").items]
    assert left == ["foreign", "lost"]
    assert begun not in bench.registry.ledger.holders()


class Unreadable:
    """A ledger that cannot be read."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def holders(self) -> dict[str, str]:
        raise StoreError("disk I/O error")

    def __getattr__(self, name: str) -> object:
        return getattr(self._ledger, name)


def test_without_a_ledger_what_is_known_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    bench.write("web")
    newcomers = bench.newcomers()
    newcomers.look()
    monkeypatch.setattr(bench.registry, "ledger", Unreadable(bench.registry.ledger))
    newcomers.abandon(bench.engine, bench.clock)
    assert bench.sandboxes == []


def test_who_follows_the_registry_begins_nothing_the_pods_own_worker_does() -> None:
    virtual = VirtualNode()
    with counted(SandboxMaker.begin) as calls:
        uid = written(virtual, "web")
        assert uid in virtual.node.live, "it is known at once"
        assert calls["begin"] == []
        virtual.advance(5)
    assert [call["is_ahead"] for call in calls["begin"]] == [True]

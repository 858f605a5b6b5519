"""From loaded manifests to pods whose workers are at work: checked, owned, stored, begun, and taken away again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from runner.api.ground import Ground
from runner.core.faults.annotation import annotated_value
from runner.core.kindwords import CLAIMS, OBJECTS, PODS
from runner.core.model import Json, Object, Pod
from runner.errors import (
    EngineRefusal,
    EngineUnavailable,
    ExitCode,
    ManifestError,
    RunBroken,
    RunnerError,
    StoreError,
    UsageError,
)
from runner.kubelet.options import Keep, RunOptions, Snapshots

if TYPE_CHECKING:
    from runner.api.waiting import Waiting
    from runner.client.contract import Client
    from runner.controllers.control import Controller
    from runner.core.manifest import LoadedObject
    from runner.core.narration import Listener, Narration
    from runner.engine.protocol import Engine
    from runner.kubelet.loop.secrecy import Secrets
    from runner.kubelet.network.following import NetworkThread
    from runner.node.newcomers import Newcomers
    from runner.node.outcome import StopRequest
    from runner.node.owning import Owned, Spawn, Title
    from runner.node.recording import Recording
    from runner.registry.admission import Admission
    from runner.registry.holders import NodeInstance

T = TypeVar("T")


def _deaf(narration: Narration) -> None:
    """A listener that does nothing."""


def _nothing() -> None:
    """Nothing has to be ended."""


def _wait_for_its_turn(owned: Owned) -> None:
    """Begin nothing early."""


REFERRED_KINDS = frozenset(OBJECTS)
"""Kinds that pods refer to: in the store as long as the run that brought them."""
IGNORED_KINDS = frozenset({"Namespace", "PersistentVolume", "PersistentVolumeClaim", "PodTemplate", "ServiceAccount"})
"""Kinds that change nothing for one pod on one node."""
MAX_PODS = 110
"""How many pods a kubelet runs (its maxPods), and so a run of workloads."""


def _tell_in_the_middle(error: BaseException, *, has_begun: bool) -> None:
    """Raise RunBroken for a run that was taken back: that nothing was touched, or that there is no Engine, is not true."""
    late = has_begun or isinstance(error, StoreError)
    if late and isinstance(error, RunnerError) and error.exit_code in (ExitCode.USAGE, ExitCode.NO_ENGINE):
        raise RunBroken(error.message, hint=error.hint) from error


def admission_of(objects: Sequence[LoadedObject], node: str = "") -> Admission:
    """How the objects of a run come in: with the ServiceAccounts among what was loaded."""
    from runner.registry.admission import Admission

    accounts = {(o.namespace, o.name): o.value for o in objects if o.kind == "ServiceAccount"}
    return Admission(node=node, accounts=accounts)


Made = tuple[Json, "Controller | None"]
"""A pod that is to be written, with the workload that makes it, None: it stands in a manifest."""


def _check_number(pods: Sequence[Made], *, is_one: bool) -> None:
    if is_one and len(pods) != 1:
        names = ", ".join(_name(pod) for pod, _ in pods) or "none"
        raise UsageError(f"run is for one pod, the manifests make {len(pods)}: {names}", hint="use run_all")


def _name(pod: Json) -> str:
    return str(pod["metadata"]["name"])


def _has_container(pod: Json, name: str) -> bool:
    every = (one for key in ("initContainers", "containers") for one in pod["spec"].get(key) or ())
    return any(one["name"] == name for one in every)


def _check_exit_code_from(named: str, pods: Sequence[Made]) -> None:
    """See that there is the container whose exit code is asked for, and only one of it. Raises UsageError."""
    if not named or not pods:
        return
    owner, _, container = named.rpartition("/")
    known = [(pod, _name(pod) if maker is None else maker.workload.source) for pod, maker in pods]
    chosen = [(pod, name) for pod, name in known if owner in ("", name)]
    if not chosen:
        names = ", ".join(dict.fromkeys(name for _, name in known))
        raise UsageError(f'no pod "{owner}" to take the exit code from', hint=f"the manifests make: {names}")
    having = [name for pod, name in chosen if _has_container(pod, container)]
    if not having:
        raise UsageError(f"container {container} is not valid for pod {_name(chosen[0][0])}")
    if not owner and len(having) > 1:
        ways = " or ".join(f"{name}/{container}" for name in dict.fromkeys(having))
        raise UsageError(f"{len(having)} pods have a container {container}", hint=f"say which: --exit-code-from {ways}")


@dataclass(frozen=True, slots=True)
class Launch:
    """The pods that a run begins with, what makes more of them, and how they are run.

    ``pods`` are as they were written; ``spawn`` writes one for a workload. The node finds both in the registry. What
    becomes of them is recorded in ``recording``.
    """

    pods: Sequence[Json]
    controllers: Sequence[Controller]
    spawn: Spawn
    options: RunOptions
    image: str
    since: datetime
    network: NetworkThread
    title: Title
    newcomers: Newcomers
    recording: Recording


class Launching(Ground):
    """What running needs of the facade."""

    def _admitted(self, objects: Sequence[LoadedObject], admission: Admission) -> list[Object]:
        """The manifests' own pods as an API server would have let them in. Raises ManifestError."""
        from runner.registry.admission import value_of

        pods = [o for o in objects if o.kind == "Pod"]
        if len(pods) < len(objects) or not pods:
            self._check_kinds(objects)
        now = self.clock.now()
        return [admission.admit(value_of(o), now) for o in pods]

    @staticmethod
    def _check_kinds(objects: Sequence[LoadedObject]) -> None:
        from runner.core.workloads import WORKLOAD_KINDS

        unrunnable = [o for o in objects if o.kind not in {"Pod", *REFERRED_KINDS, *IGNORED_KINDS, *WORKLOAD_KINDS}]
        if unrunnable:
            raise ManifestError(tuple(f"{o.file}: {o.kind} {o.name}: cannot be run" for o in unrunnable))
        if not any(o.kind == "Pod" or o.kind in WORKLOAD_KINDS for o in objects):
            raise UsageError("no objects passed to run", hint="a manifest needs a Pod, or something that makes pods")

    def _controllers(self, objects: Sequence[LoadedObject]) -> list[Controller]:
        """One controller for each object that makes pods; pods alone need none, nor what it takes to have one."""
        if all(o.kind == "Pod" for o in objects):
            return []
        from runner.controllers.control import Controller
        from runner.core.workloads import expand
        from runner.registry.identities import RandomIdentities

        workloads = expand(objects, RandomIdentities(), self.clock.now())
        wanted = sum(workload.most_pods for workload in workloads)
        if wanted > MAX_PODS:
            raise UsageError(f"the manifests ask for {wanted} pods, one node runs at most {MAX_PODS}")
        return [Controller(workload) for workload in workloads]

    def _first_pods(
        self, objects: Sequence[LoadedObject], controllers: Sequence[Controller], admission: Admission
    ) -> list[Made]:
        """The pods that a run begins with."""
        pods: list[Made] = [(pod, None) for pod in self._admitted(objects, admission)]
        for controller in controllers:
            begun = controller.step((), self.clock.now(), 1.0).create
            pods += [(self._made(value, admission), controller) for value in begun]
        return pods

    @contextmanager
    def launched(
        self, objects: Sequence[LoadedObject], options: RunOptions, *, is_one: bool = False
    ) -> Iterator[Launch]:
        """Everything that a run needs before its node is there: checked, written, and what the node holds of it begun.

        ``is_one``: there has to be exactly one pod to begin with. What the manifests brought along for the pods goes at the
        end; after an error the pods too.
        """
        options = self._on_this_node(options)
        controllers, admission = self._controllers(objects), admission_of(objects, options.worker.node_name)
        pods: Sequence[Made] = self._first_pods(objects, controllers, admission)
        self._check_breakpoints(options, objects)
        if options.faults:
            pods = self._with_faults(pods, objects, options)
        _check_number(pods, is_one=is_one)
        _check_exit_code_from(options.exit_code_from, pods)
        from runner.kubelet.sandboximage import sandbox_reference
        from runner.registry.holders import NodeInstance
        from runner.registry.leases import living

        image = self._usable(lambda: sandbox_reference(self.engine, options.worker.sandbox_image))
        since = self.clock.now()
        title = self._title(instance := NodeInstance(self.home), options)
        with living(title.lease), instance, self._standing(controllers, instance, title.lease):
            write = self._writing(title)
            values = [pod for pod, _ in pods]

            def spawn(value: Json, _: Controller) -> Object:
                (made,) = write([annotated_value(self._made(value, admission), options.faults)])
                return made

            recording = self._recording(objects, options)
            network = self._network(instance, title.lease, recording.engine())
            newcomers = self._newcomers(
                title, image, network, recording, in_turn=bool(options.faults or options.breakpoints)
            )
            has_begun = False
            write(values)
            try:
                recording.begin()
                self._put_objects(objects, title)
                network.prepare()
                self._put_claims(controllers)
                newcomers.look()  # Pods refer to what was written after them.
                network.await_prepared()  # The variables of Services tell their addresses.
                has_begun = True
                yield Launch(values, controllers, spawn, options, image, since, network, title, newcomers, recording)
            except BaseException as error:
                recording.fail(error)
                newcomers.abandon(self.engine, self.clock)
                _tell_in_the_middle(error, has_begun=has_begun)
                raise
            finally:
                network.close()
                recording.close()
                with suppress(StoreError):  # A sweep forgets what has no living owner.
                    self._remove_objects(objects, title.lease)

    def _writing(self, title: Title) -> Callable[[Sequence[Json]], Sequence[Object]]:
        """Writes pods for the run's node, all or none. What it gives raises AlreadyExists."""
        return partial(
            self.client.create_all,
            holder=title.holder,
            lease=title.lease,
            run_spec=title.run_spec,
            make_room=self.make_room,
        )

    def _newcomers(
        self,
        title: Title,
        image: str,
        network: NetworkThread | None = None,
        recording: Recording | None = None,
        *,
        in_turn: bool = False,
    ) -> Newcomers:
        """What is written for the run's own node, which comes later: its sandboxes are begun before.

        Not with faults and breakpoints, which have their time, and their events, with everything ``in_turn``.
        """
        from runner.kubelet.containers.sandbox import NO_ZONE
        from runner.node.newcomers import Newcomers
        from runner.node.owning import begin_sandbox, own_found

        begin = partial(
            begin_sandbox,
            engine=self.engine if recording is None else recording.engine(),
            store=self.registry,
            clock=self.clock,
            image=image,
            zone=NO_ZONE if network is None else network.zone,
        )
        means = partial(own_found, owner=title.owner)
        return Newcomers(self.registry, title.holder, means, _wait_for_its_turn if in_turn else begin)

    def _network(self, instance: NodeInstance, lease: str, engine: Engine) -> NetworkThread:
        """What gives the run's pods their names and Services."""
        from runner.kubelet.network.following import NetworkThread
        from runner.kubelet.network.place import NetworkPlace
        from runner.registry.ownership import owner_label

        place = NetworkPlace(instance, owner_label(home=self.home, may_keep=True), lease)
        return NetworkThread(engine, self.registry, self.clock, place)

    def _recording(self, objects: Sequence[LoadedObject], options: RunOptions) -> Recording:
        from runner.node.recording import Recording

        recording = Recording(self.engine, self.home, options, self.clock)
        recording.refer([loaded.value for loaded in objects])
        return recording

    def _with_faults(
        self, pods: Sequence[Made], objects: Sequence[LoadedObject], options: RunOptions
    ) -> Sequence[Made]:
        """The pods with an annotation that names their faults. Raises UsageError for what cannot be injected."""
        from runner.node.faults.making import check, refuse_what_cannot_be

        check(options.faults, objects)
        refuse_what_cannot_be(options.faults, self.engine, options.worker.sandbox_image)
        return [(annotated_value(pod, options.faults), maker) for pod, maker in pods]

    @staticmethod
    def _check_breakpoints(options: RunOptions, objects: Sequence[LoadedObject]) -> None:
        """See that each can concern something of what was loaded. Raises UsageError."""
        if options.breakpoints:
            from runner.core.cast import names_of
            from runner.core.faults.breakpoints import check_breakpoints

            check_breakpoints(options.breakpoints, names_of(objects, "default"))

    def _title(self, instance: NodeInstance, options: RunOptions) -> Title:
        """What is written beside the pods of a run, each run with a lease of its own."""
        from runner.node.owning import Title
        from runner.registry.leases import new_lease
        from runner.registry.ownership import owner_label

        spec = options.worker.run_spec
        return Title(
            holder=instance.id,
            owner=owner_label(home=self.home, may_keep=options.keep is not Keep.NEVER),
            lease=new_lease(self.home),
            run_spec=None if spec is None else spec.to_text(),
        )

    def _usable(self, call: Callable[[], T]) -> T:
        """Ask the Engine something that no run can do without. Raises EngineUnavailable."""
        from runner.retry import engine_retry

        try:
            return engine_retry(self.clock, call)
        except EngineRefusal as error:
            text = f"the Engine at {self.address.url} cannot be used: {error.message}"
            raise EngineUnavailable(text, hint=error.hint, recoverable=False) from error

    def _standing(
        self, controllers: Sequence[Controller], instance: NodeInstance, lease: str
    ) -> AbstractContextManager[None]:
        """Keep the workloads' names from others as long as they run. Raises AlreadyExists."""
        if not controllers:
            return nullcontext()
        from runner.registry.standing import standing

        return standing(
            [one.workload for one in controllers], self.registry, instance, lease, self.clock, self.make_room
        )

    def _made(self, value: Json, admission: Admission) -> Object:
        """A pod that a workload makes. Raises ManifestError."""
        return admission.admit({"kind": PODS.kind, **value}, self.clock.now())

    @contextmanager
    def working(self, launch: Launch, listener: Listener, stop: StopRequest) -> Iterator[Waiting]:
        """A run whose pods' workers are at work. A user who insists on its end does not get all output."""
        # Imported while the Engine is busy with the sandboxes.
        from runner.node.audience import Audience

        recording = launch.recording
        engine = recording.engine()
        with Audience(engine, self.home, launch.options, listener, self.clock, recording) as audience:
            stop.subscribe(lambda: audience.hurry(is_forced=stop.forced))
            run = self._waiting(
                launch.options, audience, launch.newcomers, launch.image, launch.network, audience.secrets, recording
            )
            try:
                run.node.on_leave(audience.forget)
                run.node.control(launch.controllers, launch.spawn)
                run.open(launch.since)
                self.sweep_aside()
                yield run
            finally:
                run.close()

    def _put_claims(self, controllers: Sequence[Controller]) -> None:
        """What a StatefulSet claims for its pods: made once, and kept like every claim."""
        from runner.registry.objects import create_missing

        def create(claim: Json) -> bool:
            return create_missing(self.registry, {"kind": CLAIMS.kind, **claim}, self.clock.now())

        for controller in controllers:
            controller.claim(create)

    def _put_objects(self, objects: Sequence[LoadedObject], title: Title) -> None:
        """What the pods refer to is kept as long as the run lasts; what was there before stays longer."""
        if all(o.kind == "Pod" for o in objects):
            return
        from runner.registry.admission import value_of
        from runner.registry.objects import create_missing, put_leased

        for o in objects:
            if o.kind in REFERRED_KINDS:
                holder = title.holder if o.kind == "Service" else ""
                put_leased(self.registry, value_of(o), self.clock.now(), lease=title.lease, holder=holder)
            # A claim stays when the run is over, and one that is there keeps its volume.
            elif o.kind == CLAIMS.kind:
                create_missing(self.registry, value_of(o), self.clock.now())

    def _remove_objects(self, objects: Sequence[LoadedObject], lease: str) -> None:
        if any(o.kind in REFERRED_KINDS for o in objects):
            from runner.registry.objects import remove_leased

            remove_leased(self.registry, objects, lease)

    @staticmethod
    def _on_this_node(options: RunOptions) -> RunOptions:
        """The options with this machine's name and address where none are given."""
        from runner.node.machine import host_ip, node_name

        worker = options.worker
        named = replace(
            worker,
            node_name=node_name() if worker.node_name == "localhost" else worker.node_name,
            host_ip=worker.host_ip or host_ip(),
        )
        if worker.snapshots is Snapshots.NONE and (options.artifacts is not None or options.history is not None):
            named = replace(named, snapshots=Snapshots.FAILED)
        return replace(options, worker=named)

    @cached_property
    def client(self) -> Client:
        """kubectl's verbs on what this state directory holds."""
        from runner.client.local import LocalClient

        return LocalClient(self, self)

    def adopt_and_remove(self, *pods: Pod) -> None:
        """Remove pods whose owners are dead: become their owner for what is left of their lives.

        A pod that another process owns meanwhile is left to it. Raises EngineUnavailable.
        """
        from runner.node.outcome import StopRequest
        from runner.registry.holders import NodeInstance, PodIsOwned, take_over

        self.engine.architecture()  # Where no Engine answers this says so, the workers would wait for one.
        with NodeInstance(self.home) as instance:
            options = self._on_this_node(RunOptions())
            newcomers = self._newcomers(self._title(instance, options), image="")
            run = self._waiting(options, _deaf, newcomers, image="")
            try:
                for pod in pods:
                    with suppress(PodIsOwned):  # Another process was faster.
                        take_over(self.registry, pod.uid, instance.id, instance.is_alive)
                run.open(self.clock.now())
                run.delete_all(StopRequest())
            finally:
                run.close()

    def _waiting(
        self,
        options: RunOptions,
        listener: Listener,
        newcomers: Newcomers,
        image: str,
        network: NetworkThread | None = None,
        secrets: Secrets | None = None,
        recording: Recording | None = None,
    ) -> Waiting:
        """A run with a node of its own. ``recording`` is told of the calls that it makes."""
        from runner.api.waiting import Waiting
        from runner.kubelet.prober.handlers import EngineHandlers
        from runner.node.node import Node
        from runner.node.threads import Threads

        injector, engine, on_close = None, self.engine, _nothing
        if options.faults:
            from runner.node.faults.making import injector_of

            injector = injector_of(options.faults, self.clock)
            engine, on_close = injector.engine(engine), injector.close
        standing = None
        if options.breakpoints:
            from runner.node.standing import Standing

            standing = Standing(options.breakpoints, self.clock)
        engine = engine if recording is None else recording.engine(engine)
        node = Node(
            engine=engine,
            store=self.registry,
            clock=self.clock,
            home=self.home,
            handlers=EngineHandlers(engine),
            options=options.worker,
            listener=listener,
            sandbox_image=image,
            newcomers=newcomers,
            network=network,
            secrets=secrets,
            faults=injector,
            standing=standing,
        )
        return Waiting(node, Threads(node), options, on_close)

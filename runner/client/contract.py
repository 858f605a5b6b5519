"""What everybody may do with objects: kubectl's verbs, with its words for what goes wrong.

``runner.client.local`` carries them out on the state directory and the Engine of this machine. Whoever shows, writes or
deletes something goes through here: the command line, the handles of a test, the pytest plugin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from runner.core.kindwords import CLAIMS, EVENTS, OBJECTS, PODS, WORKLOADS, KindWords
from runner.core.model import Json, Object
from runner.errors import NoSuchObject

if TYPE_CHECKING:
    from pathlib import Path

    from runner.client.copies import Copy
    from runner.client.forwarding import Forwarding
    from runner.core.files.copying import CopyOptions
    from runner.core.images.progress import PullProgress
    from runner.core.logquestion import LogQuestion
    from runner.core.manifest import LoadedObject
    from runner.core.manifest.ephemeral import Debugger
    from runner.core.narration import LogLine
    from runner.core.network.forwards import Forward
    from runner.engine.protocol import Session, Wishes
    from runner.registry.contract import Key, Listing, Watch


Subscribe = Callable[[Callable[[], None]], None]
"""Takes what is to be called later."""


class Waitable(Protocol):
    """A deletion under way; ``needs_waiting``: this process has to carry it out."""

    @property
    def needs_waiting(self) -> bool: ...

    def wait(self, timeout: float | None = None) -> object:
        """Wait until it is done, at most so many seconds. Raises WaitTimeout."""
        ...


class Client(Protocol):
    """The verbs. Values that come out may be shared: they are never changed. Raises StoreError."""

    def get(self, kind: str, namespace: str, name: str) -> Object:
        """One object. Raises NoSuchObject."""
        ...

    def list(self, kind: str, namespace: str | None = None) -> Listing:
        """All of a kind, of one namespace or of all, by namespace and name; events as they were last seen."""
        ...

    def events(self, value: Json) -> Sequence[Object]:
        """The events about an object, as they were last seen."""
        ...

    def create(self, value: Json | LoadedObject) -> Object:
        """Add an object of any kind, a pod or a workload too, that stays. Raises AlreadyExists.

        What was loaded has been read and checked; JSON is here. Raises ManifestError, with all that is wrong with it.
        """
        ...

    def create_all(
        self,
        values: Sequence[Json],
        *,
        holder: str = "",
        lease: str = "",
        run_spec: str | None = None,
        make_room: Callable[[Sequence[Key]], object] | None = None,
    ) -> Sequence[Object]:
        """Add objects that were admitted, all or none, with what the ledger says of each. Raises AlreadyExists.

        ``holder`` is the node that runs them, ``lease`` the run with which they go, ``run_spec`` what that has chosen, as JSON.
        ``make_room`` is called once with their kinds, namespaces and names: what a dead process left there may go.
        """
        ...

    def apply(self, value: Json | LoadedObject) -> str:
        """Add or change an object, which stays from now on. Returns kubectl's word for what was done. Raises ManifestError."""
        ...

    def update(self, value: Json, *, expect: str | None = None) -> Object:
        """Replace metadata and spec of an object, keeping its status and what belongs to the server.

        ``expect``: the resourceVersion that it must have. Raises Conflict, NoSuchObject.
        """
        ...

    def delete(self, kind: str, namespace: str, name: str, *, grace: int | None = None, uid: str = "") -> Waitable:
        """Ask for the deletion of an object, with the pods that it owns.

        ``grace`` is the pods', in seconds; None: their own, 0: at once. Raises NoSuchObject, also when the object has another
        uid than ``uid``; EngineUnavailable for a claim, whose volume goes too.
        """
        ...

    def finish(self, deletions: Sequence[Waitable]) -> None:
        """Carry out those of several deletions that no node does, side by side. Blocks until it is done."""
        ...

    def watch(
        self,
        kinds: str | Sequence[str],
        namespace: str | None = None,
        *,
        name: str | None = None,
        uids: Sequence[str] | None = None,
        since: str | None = None,
    ) -> Watch:
        """What changes of some kinds after a resourceVersion; without one, first all that there is, as ADDED.

        Raises Expired (``runner.registry.contract``) when what came after it is not known any more.
        """
        ...

    def wait(
        self,
        kind: str,
        namespace: str,
        name: str,
        holds: Callable[[Object | None], bool],
        timeout: float | None,
    ) -> Object | None:
        """Wait until something holds of an object (None: there is none), and return it as it is then.

        ``timeout`` in seconds; 0 looks once, None waits without end. Raises WaitTimeout, and what ``holds`` raises.
        """
        ...

    def logs(
        self, namespace: str, name: str, question: LogQuestion, *, on_stop: Subscribe | None = None
    ) -> Iterator[Sequence[LogLine]]:
        """One container's output, as many lines at once as are there. Raises UsageError when it cannot be had.

        ``on_stop`` is given what ends the reading wherever it stands, to be called from any thread.
        """
        ...

    def copy_in(
        self,
        namespace: str,
        name: str,
        container: str | None,
        source: Path | Callable[[int], bytes],
        path: str,
        options: CopyOptions,
    ) -> None:
        """Copy a local file or directory to a path of a container, or unpack an archive in a directory there.

        ``source`` is a path, or gives the archive's next bytes, at most so many. Raises CopyError (``client.unpacking``).
        """
        ...

    def copy_out(
        self,
        namespace: str,
        name: str,
        container: str | None,
        path: str,
        target: Path | Callable[[bytes], object],
        options: CopyOptions,
    ) -> None:
        """Copy a file or directory of a container to a local path, or hand all of it on as an archive. Raises CopyError."""
        ...

    def port_forward(
        self,
        namespace: str,
        name: str,
        wanted: Sequence[Forward],
        addresses: Sequence[str] = ("127.0.0.1",),
        *,
        tell: Callable[[str], None] | None = None,
        complain: Callable[[str], None] | None = None,
    ) -> Forwarding:
        """Open local ports that lead into a pod until they are closed. ``tell`` hears what kubectl prints, ``complain`` troubles.

        Raises UsageError when the pod does not run, or no port can be opened.
        """
        ...

    def attempts(self, namespace: str, name: str, container: str | None) -> Sequence[int]:
        """The attempts of a container whose output can be read, oldest first."""
        ...

    def copy_attempt(
        self,
        namespace: str,
        name: str,
        container: str = "",
        attempt: int | None = None,
        *,
        image: str = "",
        on_progress: Callable[[PullProgress], None] | None = None,
    ) -> AbstractContextManager[Copy]:
        """A copy of a failed attempt, as its process left it, in which nothing runs yet. It is gone afterwards.

        ``container`` "": the one that has failed last; ``attempt`` None: its last failed one. With an ``image`` commands
        run in a container of that image beside the copy. Raises UsageError when there is no such attempt, EngineError.
        """
        ...

    def rerun_attempt(
        self, namespace: str, name: str, container: str = "", attempt: int | None = None
    ) -> AbstractContextManager[Copy]:
        """The same, created with the attempt's own command, and not started."""
        ...

    def attach(self, namespace: str, name: str, container: str, *, tty: bool) -> Session:
        """Be there for a running container's own process. Raises UsageError, EngineConflict when it does not run."""
        ...

    def exec(
        self,
        namespace: str,
        name: str,
        container: str,
        command: Sequence[str] | None,
        note: Callable[[str], None],
        *,
        tty: bool,
        wishes: Wishes,
    ) -> Session:
        """Start a command in a container that runs; None: be there for its own process, as kubectl's attach is.

        ``container`` "": the annotated one, else the first, which ``note`` is told when there was a choice. Raises UsageError
        for one that the pod does not have, NoSession (``client.executing``) when it does not run, EngineError.
        """
        ...

    def add_debugger(self, namespace: str, name: str, asked: Debugger) -> str:
        """Add an ephemeral container to a pod that runs. Returns the container's name.

        Raises UsageError when the API server would not take it, or no node would start it.
        """
        ...


_WORDS = {known.kind: known for known in (PODS, CLAIMS, EVENTS, *OBJECTS.values(), *WORKLOADS.values())}


def words_of(kind: str) -> KindWords:
    """A kind as a command line and a server name it."""
    return _WORDS.get(kind) or KindWords(kind, f"{kind.lower()}s")


def no_such(kind: str, name: str) -> NoSuchObject:
    """What kubectl says when there is no such object."""
    return NoSuchObject(f'{words_of(kind).resource} "{name}" not found')

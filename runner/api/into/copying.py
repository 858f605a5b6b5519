"""Files into the containers of a pod and out of them, and ports that lead into it, for a program."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runner.api.into.part import Part
from runner.core.files.copying import CopyOptions


class Copying(Part):
    """The part of a pod's handle that reaches into its containers."""

    def copy_in(self, source: str | Path, path: str, *, container: str = "", preserve: bool = True) -> None:
        """Copy a local file or directory to a path of a container, as ``podrunner cp`` does; the first one unless named.

        Into a directory that is there, else under that name. The container may have ended. Raises CopyError (a RunnerError)
        for what cannot be copied, and UsageError for a container that is none.
        """
        __tracebackhide__ = True
        options = CopyOptions(is_exact=preserve)
        self.runner.client.copy_in(self.namespace, self.name, container or None, Path(source), path, options)

    def copy_out(self, path: str, target: str | Path, *, container: str = "", preserve: bool = True) -> None:
        """Copy a file or directory of a container to a local path. A directory's content goes into ``target``.

        A file gets its name when it is complete; nothing is written outside of ``target``. Raises CopyError, UsageError.
        """
        __tracebackhide__ = True
        options = CopyOptions(is_exact=preserve)
        self.runner.client.copy_out(self.namespace, self.name, container or None, path, Path(target), options)

    @contextmanager
    def port_forward(self, port: int | str, local: int = 0) -> Iterator[int]:
        """A port of this machine's loopback that leads to one of the pod's, number or name, as long as the block lasts.

        ``local``: which one; 0 is any that is free. As on a node the other end is ``localhost`` in the pod's network, on every
        kind of Engine, also after the sandbox was replaced. Raises UsageError when the pod does not run.
        """
        __tracebackhide__ = True
        from runner.core.kindwords import PODS
        from runner.core.network.forwards import forwards

        client = self.runner.client
        wanted = forwards([f"{local or ''}:{port}"], client.get(PODS.kind, self.namespace, self.name))
        with client.port_forward(self.namespace, self.name, wanted) as open_ports:
            yield open_ports.ports[0].local

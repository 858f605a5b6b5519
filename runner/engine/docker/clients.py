"""docker-py's clients of one Engine: each lent to one user at a time, few of them connected while they are idle.

A client is a requests session, which belongs to one thread at a time. How many are lent is not limited: as many as there are
calls under way and streams that are open, each with one connection.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import docker.errors
from docker.api import APIClient
from docker.tls import TLSConfig
from docker.transport import UnixHTTPAdapter
from requests.utils import get_environ_proxies

from runner.engine.discover import TlsFiles
from runner.engine.docker import parse
from runner.engine.docker.versions import MINIMUM_API
from runner.errors import EngineUnavailable

CONNECTED: Final = 8
"""How many clients keep their connection while they are not lent."""
_KEPT: Final = 32
"""How many are kept at all; to make one takes longer than to connect it again."""


class _OneConnection(UnixHTTPAdapter):
    """docker-py has a pool of connections for every URL, so that a client would keep 25 of them and use few again."""

    def get_connection(self, url: Any, proxies: object = None) -> Any:  # noqa: ARG002 - there is one place only
        return super().get_connection("http+docker://localhost")


class _OwnAuthority(APIClient):
    """The Engine's own authority vouches for it: REQUESTS_CA_BUNDLE would otherwise take its place. Proxies stay."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.proxies = get_environ_proxies(self.base_url)
        self.trust_env = False


class Clients:
    """The clients of the Engine at an address. The first one that is lent asks for the Engine's versions, for all.

    ``version`` is what the Engine has said of them already, empty when it was not asked.
    """

    def __init__(
        self, address: str, *, tls: TlsFiles | None, timeout: float, version: Mapping[str, Any] | None = None
    ) -> None:
        self.address = address
        self._tls = tls
        self._timeout = timeout
        self._lock = threading.Lock()
        self._negotiating = threading.Lock()
        self._idle: list[APIClient] = []
        self._known: dict[str, Any] = dict(version or {})
        self._api = str(self._known.get("ApiVersion") or "")
        self._closings = 0

    def api(self) -> str:
        """The version of the API that is spoken. Raises what a call may raise."""
        if not self._api:
            self._negotiate()
        return self._api

    def version(self) -> dict[str, Any]:
        """What the Engine says of its versions."""
        self.api()
        return self._known

    def _negotiate(self) -> None:
        with self._negotiating:
            if self._api:
                return
            loan = Loan(self, self._make(MINIMUM_API), self._closings)
            client = loan.client
            try:
                version: dict[str, Any] = client.version(api_version=False)
                offered = str(version.get("ApiVersion") or "")
                if parse.api_version_key(offered) < parse.api_version_key(MINIMUM_API):
                    raise EngineUnavailable(
                        f"the Engine at {self.address} has API {offered or 'of no version'}, {MINIMUM_API} is needed",
                        hint="Docker 20.10 or later is needed",
                        recoverable=False,
                    )
            except BaseException:
                client.close()
                raise
            if offered == MINIMUM_API:
                loan.end()
            else:
                client.close()
            self._known, self._api = version, offered

    def _make(self, version: str) -> APIClient:
        tls: TLSConfig | bool = False
        if self._tls is not None:
            pair = (self._tls.cert, self._tls.key) if self._tls.cert else None
            tls = TLSConfig(client_cert=pair, ca_cert=self._tls.ca or None, verify=self._tls.verify)
        kind = APIClient if self._tls is None else _OwnAuthority
        client = kind(
            self.address,
            version=version,
            timeout=self._timeout,  # type: ignore[arg-type]  # seconds may be a fraction
            tls=tls,
            use_ssh_client=self.address.startswith("ssh://"),
        )
        if self.address.startswith(("unix://", "npipe://", "ssh://")):
            client.trust_env = False  # no proxy lies between, and looking for one costs a part of every call
        if self.address.startswith("unix://"):
            adapter = _OneConnection(f"http+{self.address}", timeout=self._timeout)  # type: ignore[arg-type]  # the same
            client.mount("http+docker://", adapter)
        return client

    @contextmanager
    def lend(self) -> Iterator[APIClient]:
        """A client for a call or several, one after the other."""
        loan = self.borrow()
        try:
            yield loan.client
        except docker.errors.APIError:
            raise  # a whole answer, after which the connection is as good as before
        except BaseException:
            loan.client.close()
            raise
        finally:
            loan.end()

    def borrow(self) -> Loan:
        """A client for as long as its borrower likes."""
        api = self.api()
        with self._lock:
            client = self._idle.pop() if self._idle else None
            return Loan(self, client or self._make(api), self._closings)

    def take_back(self, loan: Loan) -> None:
        """Keep a client that was lent, the most recently used ones with their connections."""
        surplus = None
        with self._lock:
            if loan.closings == self._closings and len(self._idle) < _KEPT:
                self._idle.append(loan.client)
                surplus = self._idle[-CONNECTED - 1] if len(self._idle) > CONNECTED else None
            else:
                surplus = loan.client
            if surplus is not None:
                surplus.close()

    def close(self) -> None:
        """Close the idle clients; a borrowed one is closed when it comes back."""
        with self._lock:
            self._closings += 1
            idle, self._idle = self._idle, []
        for client in idle:
            client.close()


class Loan:
    """A client that is lent. ``closings`` counts how often all were closed before."""

    def __init__(self, clients: Clients, client: APIClient, closings: int) -> None:
        self.client = client
        self.closings = closings
        self._clients = clients
        self._lock = threading.Lock()
        self._is_over = False

    def end(self) -> None:
        """Give the client back; a second time, by whomever, does nothing."""
        with self._lock:
            if self._is_over:
                return
            self._is_over = True
        self._clients.take_back(self)

    def close(self) -> None:
        """End the loan and the connection with it."""
        with self._lock:
            if not self._is_over:
                self.client.close()
        self.end()

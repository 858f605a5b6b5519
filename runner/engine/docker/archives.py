"""The verbs about files: the Engine's archives, whole ones and such that are read and written piece by piece."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

from docker.api import APIClient

from runner.engine.docker import parse
from runner.engine.docker.failures import Endpoint, error_of
from runner.engine.docker.wire import Wire
from runner.engine.protocol import PathStat


class ArchiveVerbs(ABC):
    """See ``runner.engine.protocol.Engine``."""

    _look_seconds: float

    @abstractmethod
    def _call(self, endpoint: Endpoint = Endpoint.OTHER) -> AbstractContextManager[APIClient]: ...

    @abstractmethod
    def _url(self, client: APIClient, path: str) -> str: ...

    @abstractmethod
    def _stream(self, method: str, path: str, endpoint: Endpoint = Endpoint.OTHER, **arguments: Any) -> Wire: ...

    def upload(self, container_id: str, path: str, archive: bytes) -> None:
        with self._call() as client:
            client.put_archive(container_id, path, archive)

    def download(self, container_id: str, path: str) -> bytes:
        with self._call() as client:
            pieces, _ = client.get_archive(container_id, path)
            return b"".join(pieces)

    def stat_path(self, container_id: str, path: str) -> PathStat:
        with self._call() as client:
            url = self._url(client, f"/containers/{container_id}/archive")
            response = client.head(url, params={"path": path}, timeout=self._look_seconds)
        if response.status_code >= 400:  # Such an answer has no body that could say more.
            raise error_of(Endpoint.OTHER, response.status_code, f"{path}: {response.reason}")
        return parse.path_stat(response.headers)

    def upload_stream(self, container_id: str, path: str, pieces: Iterator[bytes]) -> None:
        with self._call() as client:
            url = self._url(client, f"/containers/{container_id}/archive")
            response = client.put(url, params={"path": path}, data=pieces, timeout=(self._look_seconds, None))
            if response.status_code >= 400:
                text = parse.error_message(response.text, response.reason)
                raise error_of(Endpoint.OTHER, response.status_code, text)

    def download_stream(self, container_id: str, path: str) -> Wire:
        plain = {"Accept-Encoding": "identity"}  # Else an Engine compresses, which takes longer than the way.
        return self._stream("GET", f"/containers/{container_id}/archive", params={"path": path}, headers=plain)

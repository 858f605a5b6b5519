"""docker-py's and the transport's exceptions as this package's own, by endpoint and HTTP status, never by text.

The original stays as ``__cause__``; the message is the daemon's own.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

import docker.errors
import requests.exceptions
import urllib3.exceptions

from runner.errors import (
    EngineConflict,
    EngineError,
    EngineRefusal,
    EngineUnavailable,
    ImagePullError,
    NotFound,
    PullFailure,
    StartError,
    TooManyFiles,
    is_out_of_files,
)

CONNECTION_ERRORS = (
    requests.exceptions.ConnectionError,
    requests.exceptions.Timeout,
    requests.exceptions.ChunkedEncodingError,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
)
"""What the layers below docker-py raise when the connection cannot be made, breaks or gives no answer in time."""

_NOT_REACHED = frozenset({429, 502, 503, 504})
"""Statuses with which an Engine, or what stands before it, says that it is busy: the container has not been tried."""


class Endpoint(StrEnum):
    """What was asked of the Engine, as far as it changes the meaning of an error."""

    CREATE = "create"
    START = "start"
    PULL = "pull"
    REMOVE = "remove"
    OTHER = "other"


def pull_failure(status: int) -> PullFailure:
    """Read the status of a pull, of the response or of an error inside its stream (0: none was given)."""
    if status == 404:
        return PullFailure.NOT_FOUND
    if status in (401, 403):
        return PullFailure.DENIED
    if status == 429 or status >= 500:
        return PullFailure.UNAVAILABLE
    return PullFailure.OTHER


def error_of(endpoint: Endpoint, status: int, text: str) -> EngineError:
    """The error that a status of an endpoint stands for."""
    if endpoint is Endpoint.PULL:
        return ImagePullError(text, kind=pull_failure(status))
    if status == 409:
        # A name is taken or a removal under way only for a while; a wrong state stays wrong.
        return EngineConflict(text, recoverable=endpoint in (Endpoint.CREATE, Endpoint.REMOVE))
    if endpoint is Endpoint.START and status not in _NOT_REACHED:
        return StartError(text)
    if status == 404:
        return NotFound(text)
    return EngineRefusal(text, recoverable=status == 429 or status >= 500)


@contextmanager
def translated(address: str, endpoint: Endpoint = Endpoint.OTHER) -> Iterator[None]:
    """Translate what is raised inside. An ImagePullError stands also for a credential helper that fails."""
    try:
        yield
    except EngineError:
        raise
    except docker.errors.APIError as problem:
        text = str(problem.explanation or problem)
        raise error_of(endpoint, problem.status_code or 0, text) from problem
    except docker.errors.DockerException as problem:
        lower = problem.__cause__ or problem.__context__
        if isinstance(lower, CONNECTION_ERRORS):
            raise unavailable(address, lower) from problem
        raise error_of(endpoint, 0, str(problem)) from problem
    except CONNECTION_ERRORS as problem:
        raise unavailable(address, problem) from problem


def unavailable(address: str, problem: BaseException) -> EngineUnavailable:
    """Say in one line that nothing answers, and the innermost reason."""
    if is_out_of_files(problem):
        return TooManyFiles()
    reason = problem
    while (inner := reason.__cause__ or reason.__context__) is not None:
        reason = inner
    text = str(reason) or type(reason).__name__
    is_absent = isinstance(reason, ConnectionRefusedError | FileNotFoundError | PermissionError)
    return EngineUnavailable(f"the Engine at {address} does not answer: {text}", is_absent=is_absent)

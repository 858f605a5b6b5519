"""The Status objects with which an API server refuses, in its words and with its codes.

Mirrors k8s.io/apimachinery/pkg/api/errors/errors.go and k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/status.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runner.core.manifest.validation.errors import FieldError
from runner.core.text.gotext import quote
from runner.errors import Refusal

UNKNOWN_RESOURCE = "the server could not find the requested resource"
REJECTED = "the server rejected our request due to an error in our request"
PANICKED = "This request caused apiserver to panic. Look in the logs for details."


class StatusError(Refusal):
    """What a request is refused with; ``code`` is HTTP's, ``details`` as in a Status, None where it has none."""

    def __init__(self, code: int, reason: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message, reason=reason)
        self.code = code
        self.details = details

    @property
    def status(self) -> dict[str, Any]:
        """The v1 Status, the body of the answer."""
        value: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
        if self.message:
            value["message"] = self.message
        if self.reason:
            value["reason"] = self.reason
        if self.details is not None:
            value["details"] = dict(self.details)
        return {**value, "code": self.code}


def success(*, name: str, plural: str, group: str = "", uid: str = "") -> dict[str, Any]:
    """The Status that answers the deletion of an object that is gone."""
    details = {"name": name, "group": group, "kind": plural, "uid": uid}
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {key: text for key, text in details.items() if text},
    }


def resource_name(plural: str, group: str) -> str:
    """``deployments.apps``, as errors write a resource; a kind is written alike."""
    return f"{plural}.{group}" if group else plural


def _details(name: str, group: str, kind: str, **more: Any) -> dict[str, Any]:
    named = {"name": name, "group": group, "kind": kind}
    return {**{key: text for key, text in named.items() if text}, **more}


def not_found(plural: str, group: str, name: str) -> StatusError:
    """There is no such object."""
    text = f"{resource_name(plural, group)} {quote(name)} not found"
    return StatusError(404, "NotFound", text, _details(name, group, plural))


def no_such_path() -> StatusError:
    """There is no such resource, subresource, group or version."""
    return StatusError(404, "NotFound", UNKNOWN_RESOURCE, {})


def already_exists(plural: str, group: str, name: str) -> StatusError:
    """An object of that name is there."""
    text = f"{resource_name(plural, group)} {quote(name)} already exists"
    return StatusError(409, "AlreadyExists", text, _details(name, group, plural))


def conflict(plural: str, group: str, name: str, why: str) -> StatusError:
    """The object is not what the request takes it for."""
    text = f"Operation cannot be fulfilled on {resource_name(plural, group)} {quote(name)}: {why}"
    return StatusError(409, "Conflict", text, _details(name, group, plural))


def forbidden(plural: str, group: str, name: str, why: str) -> StatusError:
    """The request is understood, and not let in."""
    if not plural:
        return StatusError(403, "Forbidden", f"forbidden: {why}", {})
    head = resource_name(plural, group) + (f" {quote(name)}" if name else "")
    return StatusError(403, "Forbidden", f"{head} is forbidden: {why}", _details(name, group, plural))


def bad_request(text: str) -> StatusError:
    """The request makes no sense."""
    return StatusError(400, "BadRequest", text)


def invalid(kind: str, group: str, name: str, errors: Sequence[FieldError]) -> StatusError:
    """The object breaks rules; ``errors`` are what it breaks, as the validation finds them."""
    sentences = list(dict.fromkeys(f"{error.path}: {error.body}" for error in errors))
    said = sentences[0] if len(sentences) == 1 else f"[{', '.join(sentences)}]"
    causes = [
        {"reason": f"FieldValue{error.type}", "message": error.body, "field": str(error.path)} for error in errors
    ]
    text = f"{resource_name(kind, group)} {quote(name)} is invalid: {said}"
    return StatusError(422, "Invalid", text, _details(name, group, kind, causes=causes))


def rejected() -> StatusError:
    """What cannot be carried out, of which the server says no more."""
    return StatusError(422, "Invalid", REJECTED, {})


def failed(text: str) -> StatusError:
    """An error for which the server has no reason: 500, with the text as it is."""
    return StatusError(500, "", text)


def internal(text: str) -> StatusError:
    """Something of the server itself has failed."""
    return StatusError(500, "InternalError", f"Internal error occurred: {text}", {"causes": [{"message": text}]})


def method_not_supported(plural: str, group: str, action: str) -> StatusError:
    """The resource is there, and has no such verb."""
    text = f"{action} is not supported on resources of kind {quote(resource_name(plural, group))}"
    return StatusError(405, "MethodNotAllowed", text, _details("", group, plural))


def method_not_allowed() -> StatusError:
    """No resource of that path takes this HTTP method (the router's answer)."""
    text = "the server does not allow this method on the requested resource"
    return StatusError(405, "MethodNotAllowed", text, {})


def not_acceptable(accepted: Sequence[str]) -> StatusError:
    """The answer cannot be had in any of the media types that the request accepts."""
    text = f"only the following media types are accepted: {', '.join(accepted)}"
    return StatusError(406, "NotAcceptable", text)


def unsupported_media_type(accepted: Sequence[str]) -> StatusError:
    """The body is in a media type that the server does not read."""
    text = f"the body of the request was in an unknown format - accepted media types include: {', '.join(accepted)}"
    return StatusError(415, "UnsupportedMediaType", text)


def too_large(text: str) -> StatusError:
    """The body, or what it asks for, is too large."""
    return StatusError(413, "RequestEntityTooLarge", f"Request entity too large: {text}")


def expired(text: str) -> StatusError:
    """What the request starts from is not known any more: list, or watch, from the start."""
    return StatusError(410, "Expired", text)


def too_many_requests(text: str, *, retry_after: int = 1) -> StatusError:
    """The server cannot do this now; the client asks again after so many seconds."""
    return StatusError(429, "TooManyRequests", text, {"retryAfterSeconds": retry_after})

"""ConfigMaps and Secrets as pods read them, through a lookup that the effects supply."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

from runner.core.model import Json

Lookup = Callable[[str, str], Json | None]
"""Kind and name (in the pod's namespace) to the v1 object, or None."""


class ConfigError(Exception):
    """Something that a container refers to is missing or unusable; the message is the kubelet's."""


def config_map_data(value: Json) -> dict[str, bytes]:
    """All keys of a ConfigMap, text as UTF-8 and binaryData decoded."""
    data = {str(key): str(text).encode() for key, text in (value.get("data") or {}).items()}
    data.update({str(key): _decoded(text) for key, text in (value.get("binaryData") or {}).items()})
    return data


def secret_data(value: Json) -> dict[str, bytes]:
    """All keys of a Secret, decoded; stringData wins, as on the API server's write path."""
    data = {str(key): _decoded(text) for key, text in (value.get("data") or {}).items()}
    data.update({str(key): str(text).encode() for key, text in (value.get("stringData") or {}).items()})
    return data


def _decoded(text: object) -> bytes:
    try:
        return base64.b64decode(str(text), validate=False)
    except (binascii.Error, ValueError) as error:
        raise ConfigError(f"illegal base64 data: {error}") from error

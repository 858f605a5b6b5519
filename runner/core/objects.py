"""ConfigMaps and Secrets as pods read them, through a lookup that the effects supply."""

from __future__ import annotations

import base64
from collections.abc import Callable

from runner.core.model import Json

Lookup = Callable[[str, str], Json | None]
"""Kind and name (in the pod's namespace) to the v1 object, or None."""


class ConfigError(Exception):
    """Something that a container refers to is missing or unusable; the message is the kubelet's."""


def config_map_text(value: Json) -> dict[str, bytes]:
    """The text keys of a ConfigMap as UTF-8: what environment variables may come from."""
    return {str(key): str(text).encode() for key, text in (value.get("data") or {}).items()}


def config_map_data(value: Json) -> dict[str, bytes]:
    """All keys of a ConfigMap, text as UTF-8 and binaryData decoded. Raises ConfigError."""
    data = config_map_text(value)
    data.update({str(key): _decoded(text) for key, text in (value.get("binaryData") or {}).items()})
    return data


def secret_data(value: Json) -> dict[str, bytes]:
    """All keys of a Secret, decoded; stringData wins, as on the API server's write path. Raises ConfigError."""
    data = {str(key): _decoded(text) for key, text in (value.get("data") or {}).items()}
    data.update({str(key): str(text).encode() for key, text in (value.get("stringData") or {}).items()})
    return data


def _decoded(text: object) -> bytes:
    # Like Go's decoder: line ends are skipped, everything else must belong to the alphabet.
    encoded = str(text).replace("\r", "").replace("\n", "")
    try:
        return base64.b64decode(encoded, validate=True)
    except ValueError as error:
        raise ConfigError(f"illegal base64 data: {error}") from error

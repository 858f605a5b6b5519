"""A capture: manifests, the failures that were seen as faults, and how the pods were retried, as the files of an archive."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import yaml
from msgspec import Struct

from runner.core.capture.importing import Imported
from runner.core.capture.names import ABOUT, FAULTS, MANIFEST, OBSERVED
from runner.core.model import Json, RetryScope

_FORM: Final = 1


class About(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a capture is: the version of its form, where it comes from, what it was retried by, what was changed or guessed.

    ``pods`` are those of a run here: run, images with their digests, and each attempt with its times and its end.
    """

    form: int = _FORM
    origin: str = ""
    retry: RetryScope | None = None
    notes: tuple[str, ...] = ()
    pods: tuple[Json, ...] = ()

    @classmethod
    def from_text(cls, text: str) -> About:
        """Read what ``members`` wrote. Raises ValueError for anything else, and for a form of a later version."""
        about = msgspec.json.decode(text, type=cls)
        if about.form > _FORM:
            raise ValueError(f"its form is {about.form}, this version of podrunner reads up to {_FORM}")
        return about


def members(
    found: Imported, *, origin: str, retry: RetryScope | None, pods: tuple[Json, ...] = ()
) -> Mapping[str, str]:
    """The files of a capture, by name."""
    about = About(origin=origin, retry=retry, notes=found.notes, pods=pods)
    return {
        ABOUT: msgspec.json.format(msgspec.json.encode(about), indent=2).decode() + "\n",
        MANIFEST: _documents(found.objects),
        FAULTS: yaml.safe_dump(list(found.faults), default_flow_style=False) if found.faults else "[]\n",
        OBSERVED: json.dumps({"apiVersion": "v1", "kind": "List", "items": found.observed}, ensure_ascii=False) + "\n",
    }


def _documents(objects: tuple[Json, ...]) -> str:
    plain: list[Any] = json.loads(json.dumps(objects))
    return yaml.safe_dump_all(plain, sort_keys=False, allow_unicode=True)

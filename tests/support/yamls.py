"""Reads the YAML of fixtures quickly: each process of a parallel run reads hundreds of files before its first test."""

from __future__ import annotations

from typing import Any

import yaml

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(text: str) -> Any:
    """The one document of a text, read by libyaml where PyYAML has it."""
    return yaml.load(text, _LOADER)

"""Rules for paths inside volumes: relative, no way up, no reserved names.

Mirrors validateLocalDescendingPath and ValidateLocalNonReservedPath of pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.errors import Errors


def local_path(errors: Errors, path_text: str, path: FieldPath, *, reserved: bool = False) -> None:
    """Check a path that must stay inside a volume; `reserved` also refuses names like "..data"."""
    if path_text.startswith("/"):
        errors.invalid(path, path_text, "must be a relative path")
    no_backsteps(errors, path_text, path)
    if reserved and path_text.startswith("..") and not path_text.startswith("../"):
        errors.invalid(path, path_text, "must not start with '..'")


def no_backsteps(errors: Errors, path_text: str, path: FieldPath) -> None:
    """Check that no element of a path is ".."."""
    if ".." in path_text.split("/"):
        errors.invalid(path, path_text, "must not contain '..'")

"""Image references: grammar, Docker's short names, the default tag and the default pull policy.

Mirrors github.com/distribution/reference (normalize.go, reference.go, regexp.go), pkg/util/parsers/parsers.go and
applyDefaultImageTag of pkg/kubelet/images/image_manager.go.
"""

from __future__ import annotations

import re
from functools import lru_cache

from msgspec import Struct

from runner.core.model import PullPolicy
from runner.core.text.gotext import quote

DEFAULT_DOMAIN = "docker.io"
DEFAULT_TAG = "latest"

_LEGACY_DOMAIN = "index.docker.io"
_OFFICIAL = "library/"
_MAX_PATH = 255

_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_REFERENCE = re.compile(
    rf"(?:(?P<domain>{_DOMAIN})/)?(?P<path>{_PART}(?:/{_PART})*)(?::(?P<tag>\w[\w.-]{{0,127}}))?(?:@(?P<digest>{_DIGEST}))?",
    re.ASCII,
)
_IDENTIFIER = re.compile(r"[a-f0-9]{64}")
_HEX_LENGTH = {"sha256": 64, "sha384": 96, "sha512": 128}


class InvalidReference(ValueError):
    """The text is no image reference; the message is the reference library's."""


class ImageRef(Struct, frozen=True, kw_only=True):
    """A reference with its domain spelled out; ``tag`` and ``digest`` are empty when not given."""

    domain: str
    path: str
    tag: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        """The full repository name: ``docker.io/library/busybox``."""
        return f"{self.domain}/{self.path}" if self.domain else self.path

    @property
    def familiar_name(self) -> str:
        """The repository as Docker shows it: ``busybox``."""
        if self.domain != DEFAULT_DOMAIN:
            return self.name
        short = self.path.removeprefix(_OFFICIAL)
        return short if "/" not in short else self.path

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.name}{tag}{f'@{self.digest}' if self.digest else ''}"


def parse_reference(text: str) -> ImageRef:
    """Read a reference as Docker does, short names included. Raises InvalidReference."""
    if _IDENTIFIER.fullmatch(text):
        raise InvalidReference(f"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings")
    domain, remainder = _split_domain(text)
    remote = remainder.partition(":")[0]
    if remote.lower() != remote:
        raise InvalidReference(f"invalid reference format: repository name ({remote}) must be lowercase")
    full = f"{domain}/{remainder}"
    match = _REFERENCE.fullmatch(full)
    if match is None:
        if _REFERENCE.fullmatch(full.lower()):
            raise InvalidReference("repository name must be lowercase")
        raise InvalidReference("invalid reference format")
    # Where the first part fits no domain, the whole text may still be one long path.
    domain, path = match["domain"] or "", match["path"]
    if len(path) > _MAX_PATH:
        raise InvalidReference(f"repository name must not be more than {_MAX_PATH} characters")
    digest = match["digest"] or ""
    if digest:
        _check_digest(digest)
    return ImageRef(domain=domain, path=path, tag=match["tag"] or "", digest=digest)


def _split_domain(text: str) -> tuple[str, str]:
    first, slash, rest = text.partition("/")
    is_domain = bool(slash) and ("." in first or ":" in first or first == "localhost" or first.lower() != first)
    domain, remainder = (first, rest) if is_domain else (DEFAULT_DOMAIN, text)
    if domain == _LEGACY_DOMAIN:
        domain = DEFAULT_DOMAIN
    if domain == DEFAULT_DOMAIN and "/" not in remainder:
        remainder = _OFFICIAL + remainder
    return domain, remainder


def _check_digest(digest: str) -> None:
    algorithm, _, encoded = digest.partition(":")
    length = _HEX_LENGTH.get(algorithm)
    if length is None:
        raise InvalidReference("unsupported digest algorithm")
    if len(encoded) != length:
        raise InvalidReference("invalid checksum digest length")
    if encoded.lower() != encoded:
        raise InvalidReference("invalid checksum digest format")


@lru_cache(maxsize=1024)
def apply_default_tag(image: str) -> str:
    """Add ``:latest`` to a reference with neither tag nor digest; anything else stays as written.

    Raises InvalidReference with the kubelet's words around the library's.
    """
    try:
        reference = parse_reference(image)
    except InvalidReference as error:
        raise InvalidReference(f"couldn't parse image name {quote(image)}: {error}") from error
    return image if reference.tag or reference.digest else f"{image}:{DEFAULT_TAG}"


def default_pull_policy(image: str) -> PullPolicy:
    """The pull policy of a container that names none: Always for the tag latest, spelled out or not."""
    try:
        reference = parse_reference(image)
    except InvalidReference:
        return PullPolicy.IF_NOT_PRESENT
    if reference.tag == DEFAULT_TAG or not (reference.tag or reference.digest):
        return PullPolicy.ALWAYS
    return PullPolicy.IF_NOT_PRESENT

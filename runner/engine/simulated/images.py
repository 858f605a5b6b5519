"""The images of a simulated Engine: present ones by every name, and what pulls do."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import tarfile
from collections import defaultdict
from collections.abc import Mapping

from runner.core.images.images import InvalidReference, apply_default_tag, parse_reference
from runner.engine.protocol import ImageDetails
from runner.engine.simulated.events import matches
from runner.engine.simulated.files import FileTree
from runner.engine.simulated.script import PullStep
from runner.errors import EngineRefusal, NotFound


def canonical(reference: str) -> str:
    """The full name of an image, with its tag. Raises EngineError for what is no reference, as the daemon does."""
    try:
        return str(parse_reference(apply_default_tag(reference)))
    except InvalidReference as problem:
        raise EngineRefusal(str(problem)) from problem


class ImageStore:
    """Images by id and by name, also as names were once written."""

    def __init__(self, steps: Mapping[str, tuple[PullStep, ...]]) -> None:
        self._steps = {canonical(name): listed for name, listed in steps.items()}
        self._pulls: dict[str, int] = defaultdict(int)
        self._images: dict[str, ImageDetails] = {}
        self._files: dict[str, FileTree] = {}
        self._numbers = itertools.count()

    def add(self, reference: str) -> None:
        """Make an image present; its id follows from its name."""
        full = canonical(reference)
        digest = hashlib.sha256(full.encode()).hexdigest()
        parsed = parse_reference(full)
        digests = (f"{parsed.familiar_name}@{parsed.digest or f'sha256:{digest}'}",)
        tags = (f"{parsed.familiar_name}:{parsed.tag}",) if parsed.tag else ()
        details = ImageDetails(id=f"sha256:{digest}", tags=tags, digests=digests, size=1_000_000)
        self._images[full] = self._images[details.id] = details

    def commit(self, reference: str, files: FileTree, labels: Mapping[str, str]) -> None:
        """Make an image of a container's files."""
        full = canonical(reference)
        digest = hashlib.sha256(f"{full} {next(self._numbers)}".encode()).hexdigest()
        details = ImageDetails(id=f"sha256:{digest}", tags=(reference,), size=1_000_000, labels=labels)
        self._images[full] = self._images[details.id] = details
        self._files[details.id] = files

    def files_of(self, image: ImageDetails) -> FileTree | None:
        """The files of an image that was made of a container; None for another."""
        return self._files.get(image.id)

    def list(self, labels: Mapping[str, str]) -> list[ImageDetails]:
        return [one for key, one in self._images.items() if key == one.id and matches(labels, one.labels)]

    def find(self, reference: str) -> ImageDetails:
        """Raises NotFound."""
        found = self._images.get(reference) or self._images.get(canonical(reference))
        if found is None:
            raise NotFound(f"No such image: {reference}")
        self._images[reference] = found
        return found

    def remove(self, image: ImageDetails) -> None:
        self._images = {name: other for name, other in self._images.items() if other is not image}
        self._files.pop(image.id, None)

    def next_pull(self, reference: str) -> PullStep:
        """What this pull does, one step further with each; without a script it succeeds at once."""
        full = canonical(reference)
        number = self._pulls[full]
        self._pulls[full] = number + 1
        steps = self._steps.get(full) or (PullStep(),)
        return steps[min(number, len(steps) - 1)]

    def load(self, archive: bytes) -> None:
        """Add what an archive of ``docker save`` names. Raises EngineError for what is no such archive."""
        try:
            with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
                reader = tar.extractfile("manifest.json")
                entries = json.loads(reader.read()) if reader else []
        except (tarfile.TarError, KeyError, ValueError) as problem:
            raise EngineRefusal(f"cannot read the archive: {problem}") from problem
        for entry in entries:
            for tag in entry.get("RepoTags") or ():
                self.add(tag)

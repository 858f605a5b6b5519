"""The names of the files in a capture."""

from __future__ import annotations

from typing import Final

ABOUT: Final = "capture.json"
MANIFEST: Final = "manifest.yaml"
FAULTS: Final = "faults.yaml"
OBSERVED: Final = "observed.json"
"""The pods and events as a cluster showed them: what ``explain`` reads."""
RECORDS: Final = "records"
"""The folder of the records of a run here, as ``runner.registry.podrecords`` has them."""

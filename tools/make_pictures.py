"""Draws the pictures of README.md and the documentation: ``python -m tools.make_pictures [--check]``.

Each is a life in virtual time, drawn by ``podrunner simulate``: it is the same on every machine. ``--check`` changes nothing, and
fails when one is an old one.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from runner.cli.app import App
from runner.cli.main import main as podrunner

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = ROOT / "docs" / "pictures"
POD: Final = "fixtures/pictures/web.yaml"
_LIFE: Final = (
    "--script",
    "fixtures/pictures/script.yaml",
    "--fault",
    "migrate#0-2@migrate.ended:exit=3",
    "--for",
    "2m",
    "-o",
    "svg",
)
PICTURES: Final[dict[str, Sequence[str]]] = {
    "retry-pod.svg": ("simulate", POD, *_LIFE),
    "retry-container.svg": ("simulate", POD, "--retry", "container", *_LIFE),
}
"""The commands that draw them, by file."""


def drawn(words: Sequence[str]) -> str:
    """What a command draws. Raises SystemExit when it does not."""
    out, err = io.StringIO(), io.StringIO()
    places = [str(ROOT / word) if word.startswith("fixtures/") else word for word in words]
    code = podrunner(places, App(stdout=out, stderr=err, environ={}))
    if code:
        raise SystemExit(f"podrunner {' '.join(words)}: {err.getvalue()}")
    return out.getvalue()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="Change nothing; fail when a picture is an old one.")
    is_check = parser.parse_args().check
    old = []
    for name, words in PICTURES.items():
        path, text = FOLDER / name, drawn(words)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            old.append(name)
            if not is_check:
                path.write_text(text, encoding="utf-8")
    if is_check and old:
        print(f"old pictures: {', '.join(old)}; run python -m tools.make_pictures", file=sys.stderr)
    return int(is_check and bool(old))


if __name__ == "__main__":
    sys.exit(main())

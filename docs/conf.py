"""Sphinx's settings."""

from __future__ import annotations

from typing import Any

import runner
import runner.kubelet.options
from runner.core.faults.breakpoints import Breakpoint

project = "podrunner"
author = "the podrunner authors"
copyright = "the podrunner authors"  # noqa: A001 - Sphinx's own name
release = version = runner.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_click"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
# Signatures are types enough, and what they name stands in the modules.
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
nitpicky = False
html_theme = "furo"
html_title = "podrunner"
html_show_sphinx = False

# What a module imports only when it is needed has a name in signatures all the same.
runner.kubelet.options.RetryPolicy = runner.RetryPolicy
runner.kubelet.options.Fault = runner.Fault
runner.kubelet.options.Breakpoint = Breakpoint


def _escape(_app: object, _context: object, lines: list[str]) -> None:
    """The commands' texts are for terminals: a star in them is a star."""
    lines[:] = [line.replace("*", r"\*") for line in lines]


def setup(app: Any) -> None:
    app.connect("sphinx-click-process-description", _escape)

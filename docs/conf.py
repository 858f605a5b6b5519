"""Sphinx's settings."""

from __future__ import annotations

import runner

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

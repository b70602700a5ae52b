"""How Sphinx makes the site: ``sphinx-build -W docs docs/_build``."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent / "_ext"), str(Path(__file__).parents[1])]

import dinsar_cli  # noqa: E402 (of this checkout)

project = "dinsar"
author = copyright = "The dinsar developers"  # noqa: A001 (the name is Sphinx's)
version = release = dinsar_cli.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "program_pages", "mathml"]
exclude_patterns = ["_build", "_ext"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

add_module_names = False
autodoc_typehints = "none"  # the sections of the docstrings have them
napoleon_google_docstring = False

smartquotes = False  # it would make one dash of the two before an option
html_math_renderer = "mathml"
html_theme = "furo"
html_title = "dinsar"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_show_sourcelink = False

"""
How Sphinx makes the manual: C{make html}.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from txbalancer import __version__

project = "txbalancer"
author = "txbalancer contributors"
copyright = author
version = release = __version__

exclude_patterns = ["_build", "adr/template.rst"]
# Every reference has to lead somewhere.
nitpicky = True
highlight_language = "none"

html_theme = "furo"
html_title = f"txbalancer {release}"
html_copy_source = False
html_show_sphinx = False

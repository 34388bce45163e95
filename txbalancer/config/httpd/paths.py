"""
Where relative paths of a configuration begin.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from txbalancer.config.httpd.tree import Directive


def server_root(tree: Sequence[Directive], main: str) -> str:
    """
    Return the folder that C{ServerRoot} names, else that of the main file.
    """
    found = [each for each in tree if each.key == "serverroot" and each.args]
    return os.path.abspath(found[-1].args[0] if found else os.path.dirname(main) or ".")

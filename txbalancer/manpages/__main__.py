"""
C{python -m txbalancer.manpages FOLDER} writes the pages.
"""

from __future__ import annotations

import sys
from pathlib import Path

from txbalancer.manpages.configuration import configuration
from txbalancer.manpages.program import program

PAGES = {"txbalancer.1": program, "txbalancer.ini.5": configuration}


def main(folder: Path) -> None:
    """
    Write all pages into a folder.
    """
    for name, make in PAGES.items():
        (folder / name).write_text(make())


if __name__ == "__main__":
    main(Path(sys.argv[1]))

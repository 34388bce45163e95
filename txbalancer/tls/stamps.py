"""
Whether files have changed, without reading them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple


class Stamp(NamedTuple):
    """
    What changes with a file: its place on the disk, its size, and when it was written.
    """

    device: int
    inode: int
    size: int
    written: int


ABSENT = Stamp(0, 0, -1, 0)


def stamp(path: str) -> Stamp:
    """
    Look at one file.
    """
    try:
        found = os.stat(path)
    except OSError:
        return ABSENT
    return Stamp(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def stamps(paths: Iterable[str]) -> dict[str, Stamp]:
    """
    Look at several files.
    """
    return {path: stamp(path) for path in paths}

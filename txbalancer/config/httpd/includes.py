"""
Which files an C{Include} names.
"""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Iterator

from txbalancer.errors import why

MOST_FOLDERS = 20
"""Folders within each other that are searched, as in Apache."""

MOST_ENTRIES = 10000
"""Files and folders that one pattern may come to."""

_WILD = re.compile(r"[*?\[]")


class Search:
    """
    The files that a pattern names, in Apache's order: by name, folder by folder.

    A folder stands for all files below it. C{*}, C{?} and C{[…]} match within one part of the
    path, and no name that begins with a dot.

    @ivar files: what was found.
    @ivar missing: what to say of each part that names nothing.
    @ivar faults: what to say of what is there but cannot be used.
    """

    __slots__ = ("_entries", "faults", "files", "missing")

    def __init__(self, pattern: str, folder: str) -> None:
        self.files: list[str] = []
        self.missing: list[str] = []
        self.faults: list[str] = []
        self._entries = 0
        for path in self._matches(os.path.join(folder, pattern)):
            self._add(path, 0)

    def _matches(self, path: str) -> list[str]:
        if not _WILD.search(path):
            return [path]
        found = ["/" if path.startswith("/") else ""]
        for part in filter(None, path.split("/")):
            found = [os.path.join(each, name) for each in found for name in self._names(each, part)]
        return found

    def _names(self, folder: str, part: str) -> Iterator[str]:
        if not _WILD.search(part):
            yield part
            return
        fits = re.compile(fnmatch.translate(part.replace("[^", "[!"))).fullmatch
        found = [
            name
            for name in self._list(folder or ".")
            if fits(name) and (part.startswith(".") or not name.startswith("."))
        ]
        if not found:
            self.missing.append(f"nothing matches {part} in {folder or '.'}")
        yield from found

    def _list(self, folder: str) -> list[str]:
        try:
            return sorted(os.listdir(folder))
        except OSError as error:
            self.missing.append(f"{folder}: {why(error)}")
            return []

    def _add(self, path: str, depth: int) -> None:
        self._entries += 1
        if self._entries > MOST_ENTRIES:
            if self._entries == MOST_ENTRIES + 1:
                self.faults.append(f"comes to more than {MOST_ENTRIES} files and folders")
            return
        try:
            mode = os.stat(path).st_mode
        except (OSError, ValueError) as error:
            self.missing.append(f"{path}: {why(error)}")
            return
        if stat.S_ISREG(mode):
            self.files.append(path)
        elif not stat.S_ISDIR(mode):
            self.faults.append(f"{path} is neither a file nor a folder")
        elif depth == MOST_FOLDERS:
            self.faults.append(f"{path}: folders are nested more than {MOST_FOLDERS} deep")
        else:
            for name in self._list(path):
                self._add(os.path.join(path, name), depth + 1)

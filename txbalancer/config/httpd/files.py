"""
Reading the files of a configuration, within bounds.
"""

from __future__ import annotations

import os

from txbalancer.errors import why

MOST_BYTES = 64 * 1024**2
"""Of all files together."""

MOST_CHAINED = 50
"""Files that include each other, in a chain."""

MOST_FILES = 10000
"""Files that are read, each time counted."""


class Files:
    """
    The files that are being read, the innermost last.

    @ivar path: of the innermost.
    """

    __slots__ = ("_bytes", "_chain", "_count", "_paths", "path")

    def __init__(self) -> None:
        self.path = ""
        self._paths: list[str] = []
        self._chain: list[str] = []
        self._bytes = 0
        self._count = 0

    def enter(self, path: str) -> None:
        """
        Begin with a file.
        """
        self._paths.append(self.path)
        self._chain.append(os.path.realpath(path))
        self.path = path

    def leave(self) -> None:
        """
        End the innermost file.
        """
        self.path = self._paths.pop()
        self._chain.pop()

    def content(self, path: str) -> str:
        """
        Return what is in a file that is to be included; what is no UTF-8 as lone surrogates.

        @raise ValueError: saying why it cannot be read.
        @raise OverflowError: when all is too much; it is enough to say that once.
        """
        self._count += 1
        if os.path.realpath(path) in self._chain:
            raise ValueError(f"{path} is being read already: it includes itself")
        if len(self._chain) > MOST_CHAINED:
            raise ValueError(f"{path}: more than {MOST_CHAINED} files include each other")
        if self._count > MOST_FILES:
            raise OverflowError(f"more than {MOST_FILES} files are included")
        try:
            with open(path, "rb") as file:
                data = file.read(MOST_BYTES - self._bytes + 1)
        except OSError as error:
            raise ValueError(f"{path} cannot be read: {why(error)}") from error
        self._bytes += len(data)
        if self._bytes > MOST_BYTES:
            self._bytes = MOST_BYTES
            raise OverflowError(f"the files have more than {MOST_BYTES >> 20} MiB together")
        if data.lstrip().startswith(b"-----BEGIN "):
            # Each of its lines would be told as a fault, into logs, and it may hold a key.
            raise ValueError(f"{path} has certificates or keys: it is no configuration")
        return data.decode("utf-8", "surrogateescape")

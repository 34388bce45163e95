"""
C{file:/PATH}: a file with a member in each line, or a folder of such files.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from txbalancer.core.discovery import Answer
from txbalancer.core.specs import SourceSpec
from txbalancer.interfaces import IMemberSource, IMemberSourceFactory

MOST_BYTES = 1024**2
MOST_FILES = 1000

COARSE = 2.0
"""Seconds within which a file may change again without another time of change."""


class Stamp(NamedTuple):
    """
    What tells at little cost that a file is the same.
    """

    path: str
    inode: int
    changed: int
    size: int


class FileFault(Exception):
    """
    What cannot be read, in words for people.
    """


Read = tuple[tuple[str, str], ...]
"""(where, line) of each member."""


@implementer(IMemberSource)
class FileSource:
    """
    Reads anew what changed. A change counts once it looks the same twice, for somebody may
    be writing still; what is there at first counts at once.
    """

    def __init__(self, path: str, wall: Callable[[], float]) -> None:
        """
        @param wall: returns seconds since the epoch, as times of files are in.
        """
        self._path, self._wall = path, wall
        self._stamps: list[Stamp] = []
        self._settled = False
        self._first = True
        self._told: Read | None = None
        self._seen: Read = ()

    def find(self) -> Deferred[Answer | None]:
        """
        Look whether anything is other.
        """
        try:
            return succeed(self._find())
        except OSError as error:
            return fail(FileFault(f"{error.filename or self._path}: {error.strerror or error}"))
        except FileFault as fault:
            return fail(fault)

    def _find(self) -> Answer | None:
        first, self._first = self._first, False
        stamps = list(_stamps(self._path))
        if stamps != self._stamps or not self._settled:
            newest = max((each.changed for each in stamps), default=0) / 1e9
            found = tuple(line for each in stamps for line in _lines(each.path))
            same, self._seen = found == self._seen, found
            self._settled = same and stamps == self._stamps and self._wall() - newest > COARSE
            self._stamps = stamps
            if not (same or first) or found == self._told:
                return None
            self._told = found
            return Answer(
                tuple(line for _, line in found), None, tuple(where for where, _ in found)
            )
        return None

    def close(self) -> None:
        """
        Part of the interface; nothing to do.
        """


def _stamps(path: str) -> Iterator[Stamp]:
    """
    Yield the stamps of a file, or of those in a folder in the order of their names; hidden
    ones, and what editors leave behind, do not count.
    """
    status = os.stat(path)
    if not stat.S_ISDIR(status.st_mode):
        yield _stamp(path, status)
        return
    names = sorted(each for each in os.listdir(path) if each[0] not in ".#" and each[-1] != "~")
    if len(names) > MOST_FILES:
        raise FileFault(f"{path} has {len(names)} files: {MOST_FILES} are allowed")
    for name in names:
        whole = os.path.join(path, name)
        status = os.stat(whole)
        if not stat.S_ISDIR(status.st_mode):
            yield _stamp(whole, status)


def _stamp(path: str, status: os.stat_result) -> Stamp:
    # A pipe or a device would keep everything waiting.
    if not stat.S_ISREG(status.st_mode):
        raise FileFault(f"{path} is no regular file")
    if status.st_size > MOST_BYTES:
        raise FileFault(f"{path} is larger than {MOST_BYTES >> 20} MiB")
    return Stamp(path, status.st_ino, status.st_mtime_ns, status.st_size)


def _lines(path: str) -> Iterator[tuple[str, str]]:
    with open(path, "rb") as file:
        data = file.read(MOST_BYTES)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raise FileFault(f"{path}:{number}: byte 0x{data[error.start]:02x} is not UTF-8") from error
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if stripped[:1] not in ("", "#", ";"):
            yield f"{path}:{number}", stripped


@implementer(IMemberSourceFactory)
class FileFactory:
    """
    For C{file:/PATH}.
    """

    name = "file"
    interval = 1.0
    takes: frozenset[str] = frozenset()

    def check(self, place: str) -> str:
        """
        Read the path; whether it is there does not matter yet.
        """
        _path(place)
        return ""

    def __call__(self, spec: SourceSpec, reactor: Any) -> FileSource:
        """
        Make the source.
        """
        return FileSource(_path(spec.place), reactor.seconds)


def _path(place: str) -> str:
    path = place.partition(":")[2]
    if path.startswith("//"):
        path = path[2:] if path.startswith("///") else ""
    if not path.startswith("/") or "\0" in path:
        raise ValueError(f"{place!r} must be file:/PATH, from the root on")
    return path


factory = FileFactory()

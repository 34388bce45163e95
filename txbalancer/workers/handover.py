"""
Open connections on their way from one process to another: each has a box, a unix datagram socket
in a folder that only the service's user may enter.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import socket
import stat
import struct
import time
from array import array
from collections.abc import Callable, Iterator

_KEY = struct.Struct("!q")
_ROOM = socket.CMSG_SPACE(array("i").itemsize)
_BATCH = 64
"""Connections taken in one turn, at most."""

_CLEAR = 1.0
"""Seconds within which a process has ended of which all files are closed."""


def path_of(folder: str, number: int) -> str:
    """
    Return where the box of a process is, by its column.
    """
    return f"{folder}/{number}.box"


def enter(folder: str) -> int:
    """
    Have a folder for boxes, which systems may clear away that remove what is old in folders for
    temporary files. systemd-tmpfiles leaves alone what somebody has locked.

    @return: the number of a file that locks it, to be closed by the caller.
    @raise OSError: when it cannot be had, or something of somebody else is there.
    """
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder, 0o700)
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    if os.fstat(number).st_uid != os.geteuid():
        os.close(number)
        raise PermissionError(errno.EPERM, "it is somebody else's", folder)
    with contextlib.suppress(OSError):
        fcntl.flock(number, fcntl.LOCK_SH | fcntl.LOCK_NB)
    return number


def is_ours(folder: str) -> bool:
    """
    Tell whether a folder for boxes is there, and nobody else's. Whoever may write where it was can
    make one of the same name once it is gone, with boxes in it.
    """
    try:
        found = os.lstat(folder)
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()


def open_box(folder: str, number: int) -> socket.socket:
    """
    Open a box; the process and whoever starts it have it both, so that nothing in it is lost.

    @raise OSError: when it cannot be had.
    """
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        made.bind(path_of(folder, number))
    except OSError:
        made.close()
        raise
    return made


def clear_away(folder: str, supervisor: int) -> None:
    """
    Remove the folder of all workers where nobody else is left to do so. The line may have ended
    for a fault at one end, while the supervisor and others go on.

    @param supervisor: its process, which has ended a moment after the line if it has.
    """
    until = time.monotonic() + _CLEAR
    while os.getppid() == supervisor:
        if time.monotonic() > until:
            return
        time.sleep(_CLEAR / 20)
    shutil.rmtree(folder, ignore_errors=True)


class Sender:
    """
    Puts connections into boxes.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    def send(self, to: int, key: int, number: int) -> bool:
        """
        Put a copy of a connection into a box.

        @param key: says which endpoint it came to.
        @param number: its file number.
        @return: whether it is in; not where the box is full or there is none of ours.
        """
        if not is_ours(self._folder):
            return False
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [number]))]
        try:
            self._socket.sendmsg([_KEY.pack(key)], rights, 0, path_of(self._folder, to))
        except OSError:
            return False
        return True

    def close(self) -> None:
        """
        Send no more.
        """
        self._socket.close()


def receive(box: socket.socket) -> Iterator[tuple[int, int]]:
    """
    Take what is in a box, up to a bound.

    @return: key and file number of each connection; whoever takes it closes it.
    """
    for _ in range(_BATCH):
        try:
            text, rights, _, _ = box.recvmsg(_KEY.size, _ROOM, socket.MSG_CMSG_CLOEXEC)
        except OSError:
            return
        numbers = array("i", b"".join(data for _, _, data in rights))
        if len(text) == _KEY.size and len(numbers) == 1:
            yield _KEY.unpack(text)[0], numbers[0]
            continue
        # Without a file there was none left for it here.
        for each in numbers:
            os.close(each)
        yield 0, -1


class Inbox:
    """
    A process's own box, for its reactor.
    """

    def __init__(self, box: socket.socket, take: Callable[[int, int], object]) -> None:
        """
        @param take: called with key and file number of each connection; -1 for one that is lost.
        """
        self._box, self._take = box, take

    def fileno(self) -> int:
        """
        Return the number of the socket.
        """
        return self._box.fileno()

    def doRead(self) -> None:
        """
        Take some of what is there.
        """
        for key, number in receive(self._box):
            self._take(key, number)

    def close(self) -> None:
        """
        Take all that is there, and have it no more.
        """
        while found := list(receive(self._box)):
            for key, number in found:
                self._take(key, number)
        self._box.close()

    def connectionLost(self, reason: object) -> None:
        """
        The reactor has given it up.
        """
        self._box.close()

    def logPrefix(self) -> str:
        """
        Name it in logs.
        """
        return "connections passed on"

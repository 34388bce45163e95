"""
Where access-log lines go: a file, standard output, or the local syslog.

No sink ever waits: what cannot be written now is given back to the caller.
"""

from __future__ import annotations

import os
import select
import socket
import stat
import time
from collections.abc import Callable
from typing import Protocol

from txbalancer.errors import StartError, why

_PIPE_ATOM = 4096
"""A pipe that polls as writable takes this much without waiting (PIPE_BUF of Linux)."""


def _piece(data: bytes, start: int) -> int:
    """
    Return where a piece for a pipe ends: with a line, so that lines of several processes that
    write to the same pipe stay whole; only one that is longer than a piece is divided.
    """
    end = start + _PIPE_ATOM
    return end if end >= len(data) else data.rfind(b"\n", start, end) + 1 or end


_MODE = 0o640
_DAEMON_INFO = 3 << 3 | 6
_LONGEST_MESSAGE = 8192


class Sink(Protocol):
    """
    Takes whole lines.

    @ivar name: for messages.
    """

    @property
    def name(self) -> str: ...

    def write(self, data: bytes) -> int:
        """
        Write as much as goes without waiting.

        @param data: lines, each with its end.
        @return: bytes taken, C{0} to C{len(data)}.
        @raise OSError: nothing was taken, and why.
        """
        ...

    def reopen(self) -> None:
        """
        Open the destination anew, as after log rotation; the old one stays on L{OSError}.
        """
        ...

    def close(self) -> None:
        """
        Give the destination up.
        """
        ...


def open_sink(destination: str, what: str = "access log") -> Sink | None:
    """
    Open what C{access-log} names: a path, C{-}, C{syslog}, or C{off} for C{None}.

    Relative paths are fixed here, as a daemon changes its directory later.

    @param what: the log it is for, for messages.
    @raise StartError: the destination cannot be written.
    """
    word = destination.lower()
    if word == "off":
        return None
    try:
        if word == "-":
            return StreamSink(1, "standard output")
        if word == "syslog":
            return SyslogSink()
        return FileSink(os.path.abspath(destination))
    except OSError as error:
        raise StartError(f"{what} {destination}: {why(error)}") from error


class NullSink:
    """
    Forgets everything.
    """

    name = "nowhere"

    def write(self, data: bytes) -> int:
        return len(data)

    def reopen(self) -> None:
        """
        Nothing is open.
        """

    def close(self) -> None:
        """
        Nothing is open.
        """


class FileSink:
    """
    Appends to a file, or feeds a named pipe that has a reader.
    """

    def __init__(self, path: str) -> None:
        self.name = path
        self._descriptor = self._open()
        self._waits = not stat.S_ISREG(os.fstat(self._descriptor).st_mode)

    def _open(self) -> int:
        # O_NONBLOCK means nothing to a file and keeps a named pipe from stopping everything.
        wish = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
        return os.open(self.name, wish, _MODE)

    def write(self, data: bytes) -> int:
        if not self._waits:
            done = os.write(self._descriptor, data)
            return done if done == len(data) else self._go_on(data, done)
        done = 0
        try:
            while done < len(data):
                done += os.write(self._descriptor, memoryview(data)[done : _piece(data, done)])
        except BlockingIOError:
            pass
        return done

    def _go_on(self, data: bytes, done: int) -> int:
        """
        Write the rest of what there was no room for, or leave whole lines: other processes that
        write to the file would go on in the middle of one.
        """
        try:
            return done + os.write(self._descriptor, memoryview(data)[done:])
        except OSError:
            whole = data.rfind(b"\n", 0, done) + 1
            end = os.lseek(self._descriptor, 0, os.SEEK_CUR)
            if end != os.fstat(self._descriptor).st_size:
                # Somebody else was faster.
                return done
            os.ftruncate(self._descriptor, end - (done - whole))
            if not whole:
                raise
            return whole

    def reopen(self) -> None:
        fresh = self._open()
        os.close(self._descriptor)
        self._descriptor = fresh
        self._waits = not stat.S_ISREG(os.fstat(fresh).st_mode)

    def close(self) -> None:
        os.close(self._descriptor)


class StreamSink:
    """
    Writes to a descriptor that others share, so that it cannot be made non-blocking.
    """

    def __init__(self, descriptor: int, name: str) -> None:
        self.name = name
        self._descriptor = descriptor
        self._waits = not stat.S_ISREG(os.fstat(descriptor).st_mode)
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)

    def write(self, data: bytes) -> int:
        if not self._waits:
            return os.write(self._descriptor, data)
        view, done = memoryview(data), 0
        while done < len(data) and self._poll.poll(0):
            try:
                done += os.write(self._descriptor, view[done : _piece(data, done)])
            except BlockingIOError:
                break
        return done

    def reopen(self) -> None:
        """
        Nothing to do: whoever started the service holds the other end.
        """

    def close(self) -> None:
        """
        Nothing to do: the descriptor is not ours.
        """


class SyslogSink:
    """
    Sends each line as one message of facility daemon to the local syslog socket.
    """

    name = "syslog"

    def __init__(
        self,
        path: str = "/dev/log",
        tag: str = "txbalancer",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._tag = tag
        self._clock = clock
        self._socket = self._connect()

    def _connect(self) -> socket.socket:
        fresh = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            fresh.setblocking(False)
            fresh.connect(self._path)
        except OSError:
            fresh.close()
            raise
        return fresh

    def write(self, data: bytes) -> int:
        stamp = time.strftime("%b %d %H:%M:%S", time.localtime(self._clock()))
        prefix = f"<{_DAEMON_INFO}>{stamp} {self._tag}[{os.getpid()}]: ".encode()
        done = 0
        for line in data.splitlines(keepends=True):
            message = prefix + line[:-1][:_LONGEST_MESSAGE]
            try:
                self._send(message)
            except BlockingIOError:
                break
            except OSError:
                if done:
                    break
                raise
            done += len(line)
        return done

    def _send(self, message: bytes) -> None:
        try:
            self._socket.send(message)
        except (ConnectionError, FileNotFoundError):
            # The syslog daemon was started anew and has another socket.
            self.reopen()
            self._socket.send(message)

    def reopen(self) -> None:
        fresh = self._connect()
        self._socket.close()
        self._socket = fresh

    def close(self) -> None:
        self._socket.close()

"""
Twisted's stream transports, writing at once.

Twisted queues every write and asks the reactor to call back when the socket is
writable: two C{epoll_ctl} calls and a turn of the loop per answer. Here a write
goes to the socket right away and only what it does not take is queued, which
saves a third of the cost of a small exchange (ADR 0004).

An error on writing is kept for the read side: a member may answer and close
before it has read the whole request, and that answer must not be lost.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import tcp, unix
from twisted.internet.interfaces import IListeningPort
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST


class EagerWrites:
    """
    Mix-in for L{tcp.Connection}s; goes before the transport class.

    @ivar progress: counts writes that took bytes after the socket had been full; whoever
        waits for a slow reader can tell from it whether there is any progress.
    """

    progress = 0
    _watched = False

    def startReading(self: Any) -> None:
        """
        Let the reactor watch for input.
        """
        self._watched = True
        super().startReading()  # type: ignore[misc]

    def stopReading(self: Any) -> None:
        """
        Let the reactor not watch for input.
        """
        self._watched = False
        super().stopReading()  # type: ignore[misc]

    def write(self: Any, data: bytes) -> None:
        """
        Send what the socket takes now, queue the rest.
        """
        if (
            self._tempDataLen
            or self.dataBuffer
            or not self.connected
            or self._writeDisconnected
            or not data
        ):
            super().write(data)  # type: ignore[misc]
            return
        try:
            sent = self.socket.send(data)
        except OSError:
            # Full, or broken: a queued write finds out which, after what can be read.
            sent = 0
        if sent != len(data):
            super().write(data[sent:] if sent else data)  # type: ignore[misc]

    def doWrite(self: Any) -> Any:
        """
        Go on with what was queued.
        """
        before = self.offset, len(self.dataBuffer), self._tempDataLen
        result = super().doWrite()  # type: ignore[misc]
        if isinstance(result, Exception) and self._watched:
            self.give_up_writing()
            return None
        if before != (self.offset, len(self.dataBuffer), self._tempDataLen):
            self.progress += 1
        return result

    def give_up_writing(self: Any) -> None:
        """
        Write no more, and forget what was queued; there may still be something to read.
        """
        self._tempDataBuffer.clear()
        self._tempDataLen = 0
        self.dataBuffer, self.offset = b"", 0
        self._writeDisconnected = True
        self.stopWriting()
        if self._watched:
            self.doRead = self._read_last
        else:
            self.abortConnection()

    def _read_last(self: Any) -> Any:
        """
        Read what is left, in place of C{doRead}. The failed write has taken the connection's
        error, so that a reset would look like an end from here.
        """
        result = type(self).doRead(self)
        return CONNECTION_LOST if result is CONNECTION_DONE else result


class EagerServer(EagerWrites, tcp.Server):
    """
    A client's TCP connection.
    """


class EagerUNIXServer(EagerWrites, unix.Server):
    """
    A client's connection through a unix socket.
    """


class EagerClient(EagerWrites, tcp.Client):
    """
    A TCP connection to a member.
    """

    def createInternetSocket(self) -> Any:
        """
        Make the socket; the size of its buffer must be known before it connects, for the
        window's scale is agreed on then.
        """
        made = super().createInternetSocket()
        if size := self.connector.receive_buffer:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
        return made


class EagerUNIXClient(EagerWrites, unix.Client):
    """
    A connection to a member through a unix socket.
    """


class EagerConnector(tcp.Connector):
    """
    Opens L{EagerClient}s.

    @ivar receive_buffer: bytes of the socket's receive buffer; 0 = the system's.
    @ivar read_size: most bytes read at once; 0 = Twisted's 64 KiB.
    """

    receive_buffer = read_size = 0

    def _makeTransport(self) -> Any:
        made = EagerClient(self.host, self.port, self.bindAddress, self, self.reactor)
        if self.read_size:
            made.bufferSize = self.read_size
        return made


class EagerUNIXConnector(unix.Connector):
    """
    Opens L{EagerUNIXClient}s.

    @ivar read_size: most bytes read at once; 0 = Twisted's 64 KiB.
    """

    read_size = 0

    def _makeTransport(self) -> Any:
        made = EagerUNIXClient(self.address, self, self.reactor, self.checkPID)
        if self.read_size:
            made.bufferSize = self.read_size
        return made


def make_eager(port: IListeningPort) -> None:
    """
    Let a listening port make eager transports, if it is of a kind that can.

    L{tcp.Port.transport} is documented as replaceable; other reactors' ports stay as they are.
    """
    if isinstance(port, unix.Port):
        port.transport = EagerUNIXServer
    elif isinstance(port, tcp.Port):
        port.transport = EagerServer

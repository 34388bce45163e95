"""
The process whose place this one takes, seen from here.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, MutableMapping
from contextlib import suppress
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger

from txbalancer import __version__
from txbalancer.core.forms import count
from txbalancer.core.succession import PROTOCOL, Frames, Message, frame, protocol_fault
from txbalancer.errors import StartError
from txbalancer.services.datagrams import InheritedDatagrams
from txbalancer.services.inheritance import FORMLESS
from txbalancer.services.sockets import InheritedSocket, Offered

VARIABLE = "TXBALANCER_FORMER"
"""Tells a process that there is one, by the number of the file that leads to it."""

HEARTBEAT = "heartbeat:"
"""Before the address of a socket for heartbeats, where others have an endpoint."""

OUTPUT = 1
ERRORS = 2
PATIENCE = 30.0
"""Seconds that an answer may take."""

_ROOM = 1 << 16
_MOST_FILES = 250


def inherit(reactor: Any, given: Offered) -> Any:
    """
    Open an endpoint that another process has opened; C{given} has no files afterwards.
    """
    numbers = list(given.numbers)
    try:
        if given.endpoint.startswith("udp:"):
            return InheritedDatagrams(reactor, given.endpoint, numbers)
        return InheritedSocket(reactor, given.endpoint, _family(numbers[0]), numbers)
    finally:
        given.numbers.clear()
        for each in numbers:
            os.close(each)


def _family(number: int) -> int:
    with socket.socket(fileno=os.dup(number)) as found:
        return int(found.family)


def find_former(environment: MutableMapping[str, str]) -> Former | None:
    """
    Return the process that started this one to take its place, if one did. It is found once
    only.
    """
    number = environment.pop(VARIABLE, "")
    return Former(int(number)) if number.isdecimal() else None


class Former:
    """
    Before the reactor runs, all is waited for; afterwards what the former process counts
    still arrives, until it ends.

    @ivar pid: of it; C{version}: the one that it runs.
    @ivar secret: signs sticky cookies where the configuration has no secret.
    @ivar given: the sockets of its endpoints.
    @ivar sockets: those that were opened and that no listener has taken.
    @ivar control: path of its socket for commands, and the file's number; empty and -1 for
        none, and after it was taken.
    @ivar connections: how many it has left.
    @ivar late: whether it tells sessions of datagrams when they can be taken, not before.
    @ivar there: whether it has not ended.
    @ivar on_counts: called with what it has counted.
    @ivar ended: fires when it is gone.
    """

    log = Logger()

    def __init__(self, number: int) -> None:
        """
        @param number: of the file that leads there; the next two are standard output and the
            standard error of that process, which this one's lead to for its start only.
        """
        self._outputs = {OUTPUT: number + 1, ERRORS: number + 2}
        self._line: socket.socket = socket.socket(fileno=number)
        self._line.settimeout(PATIENCE)
        for each in (number, *self._outputs.values()):
            os.set_inheritable(each, False)
        self._frames = Frames()
        self._files: list[int] = []
        self._transport: Any = None
        self.pid = self.connections = 0
        self.version = ""
        self.secret = b""
        self.given: list[Offered] = []
        self.sockets: list[Any] = []
        self._adopted: list[Any] = []
        self.control, self.control_number = "", -1
        self.there, self.late = True, False
        self.on_counts: Callable[[Any], object] = lambda counts: None
        self.ended: Deferred[None] = Deferred()

    # -- before the reactor runs

    def greet(self) -> None:
        """
        Get what is needed to start; does nothing when it is there.

        @raise StartError: when there is nothing to be had.
        """
        if self.pid:
            return
        own = {"protocol": PROTOCOL, "version": __version__, "pid": os.getpid(), "late": True}
        offer = self._ask("offer", "hello", **own)
        fault = protocol_fault(offer)
        if fault:
            raise StartError(f"the process of before: {fault}")
        try:
            self._accept(offer)
        except (*FORMLESS, IndexError) as error:
            text = f"its offer is not of a form that this version knows: {error!r}"
            raise StartError(f"the process of before does not hand over: {text}") from error

    def _accept(self, offer: Message) -> None:
        files, self._files = self._files, []
        self.pid, self.version = int(offer["pid"]), str(offer["version"])
        self.secret, self.late = bytes.fromhex(offer["secret"]), bool(offer.get("late"))
        for endpoint, listener, size in offer["sockets"]:
            self.given.append(Offered(endpoint, listener, files[:size]))
            del files[:size]
        if offer["control"]:
            self.control, self.control_number = offer["control"], files.pop(0)

    def state(self) -> Any:
        """
        Get what that process knows; from now on it changes nothing more.

        @raise StartError: when that does not come.
        """
        return self._ask("state", "state")["state"]

    def sessions(self) -> Any:
        """
        Get the members of clients that send datagrams; from now on that process takes none.

        @raise StartError: when that does not come.
        """
        return self._ask("sessions", "sessions")["sessions"]

    def fail(self, cause: str) -> None:
        """
        Say why there will be no state to ask for and nobody to serve.
        """
        with suppress(OSError):
            self._line.sendall(frame("failed", cause=cause))

    def use_output(self, which: int) -> None:
        """
        Write where the former process does: L{OUTPUT} or L{ERRORS}. Until then it reads what
        this one writes.
        """
        number = self._outputs.pop(which, -1)
        if number >= 0:
            os.dup2(number, which)
            os.close(number)

    def _ask(self, wanted: str, say: str, **fields: Any) -> Message:
        try:
            self._line.sendall(frame(say, **fields))
            while True:
                for message in self._receive():
                    if message["say"] == wanted:
                        return message
        except (OSError, ValueError, EOFError) as error:
            raise StartError(f"the process of before does not hand over: {error}") from error

    def _receive(self) -> list[Message]:
        data, files, _, _ = socket.recv_fds(self._line, _ROOM, _MOST_FILES, socket.MSG_CMSG_CLOEXEC)
        self._files += files
        if not data:
            raise EOFError("it has hung up")
        return self._frames.feed(data)

    # -- what it gives

    def open(self, reactor: Any) -> list[Any]:
        """
        Open all that it has given.

        @return: C{sockets}; what is wanted is taken off.
        """
        found = [inherit(reactor, each) for each in self.take()]
        self.keep(found, found)
        return self.sockets

    def take(self) -> list[Offered]:
        """
        Return its endpoints, of which the files are the caller's.
        """
        others = [each for each in self.given if each.endpoint.startswith(HEARTBEAT)]
        found, self.given = [each for each in self.given if each not in others], others
        return found

    def keep(self, used: Iterable[Any], unused: Iterable[Any]) -> None:
        """
        Note what was made of them, to be owned, and what is to be closed, once this one serves.
        """
        self._adopted += used
        self.sockets += unused

    def take_other(self, endpoint: str) -> int:
        """
        Return the number of a socket that is no listener's, by its name; -1 for none.
        """
        found = [each for each in self.given if each.endpoint == endpoint]
        for each in found:
            self.given.remove(each)
        return found[0].numbers[0] if found else -1

    def take_control(self, path: str) -> int:
        """
        Return the number of the socket for commands, if it is the one at a path; else -1.
        """
        if path != self.control:
            return -1
        self.control, number = "", self.control_number
        return number

    def _drop(self) -> None:
        """
        Close what nobody wants any more.
        """
        for each in self._adopted:
            each.own()
        while self.sockets:
            self.sockets.pop().close()
        for given in self.given:
            os.close(given.numbers[0])
        self.given = []
        if self.control:
            os.close(self.control_number)
            with suppress(OSError):
                os.unlink(self.control)
            self.control = ""

    # -- from then on

    def serving(self, reactor: Any) -> None:
        """
        Tell that this process serves.
        """
        self._drop()
        self.use_output(OUTPUT)
        self.use_output(ERRORS)
        self._line.setblocking(False)
        reactor.adoptStreamConnection(self._line.fileno(), socket.AF_UNIX, _Factory(self))
        self._line.close()
        self.tell("serving")

    def tell(self, say: str) -> None:
        """
        Tell it something, if it is there still.
        """
        if self._transport is not None and self.there:
            self._transport.write(frame(say))

    def connected(self, transport: Any) -> None:
        """
        Use a transport from now on.
        """
        self._transport = transport

    def heard(self, data: bytes) -> None:
        """
        Take what it says.
        """
        try:
            for message in self._frames.feed(data):
                if message["say"] == "counts":
                    self.connections = count(message["connections"])
                    self.on_counts(message["counts"])
        except FORMLESS:
            # Counters are not worth more than the service.
            self.log.failure("what the process of before has counted cannot be read")
            self._transport.loseConnection()

    def lost(self) -> None:
        """
        It has ended.
        """
        self.there = False
        self.connections = 0
        self.log.info("process {pid}, of before, has ended", pid=self.pid)
        self.ended.callback(None)


class _Line(Protocol):
    def __init__(self, former: Former) -> None:
        self._former = former

    def connectionMade(self) -> None:
        self._former.connected(self.transport)

    def dataReceived(self, data: bytes) -> None:
        self._former.heard(data)

    def connectionLost(self, reason: Any = connectionDone) -> None:
        self._former.lost()


class _Factory:
    def __init__(self, former: Former) -> None:
        self._former = former

    def buildProtocol(self, address: Any) -> Protocol:
        return _Line(self._former)

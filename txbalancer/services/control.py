"""
The unix socket at which a service takes commands; who may open it may do everything.
"""

from __future__ import annotations

import os
import pwd
import socket
import stat
import struct
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.error import CannotListenError
from twisted.logger import Logger
from twisted.web import server
from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import Site

from txbalancer.control.api.problem import CONTENT_TYPE, Problem
from txbalancer.control.api.resource import Api
from txbalancer.control.checks import socket_fault
from txbalancer.control.manager.board import Board
from txbalancer.control.rights import Role
from txbalancer.control.stream import compact
from txbalancer.errors import StartError
from txbalancer.services.sockets import AdoptedUNIXPort, abandon, adopt_unix

NAME = "control.sock"
SYSTEM = "/run/txbalancer"
_CREDENTIALS = struct.Struct("iII")


def find_path(option: str, environment: Mapping[str, str] | None, root: bool) -> str:
    """
    Return where the socket is to be; empty for none.

    @param option: C{control} of the configuration.
    @param environment: of a process of its own; C{None} for a part of somebody's program,
        which has a socket only where one is named.
    @param root: whether a folder in C{/run} may be made.
    """
    if option != "auto":
        return "" if option == "off" else os.path.abspath(option)
    if environment is None:
        return ""
    given = environment.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    if given:
        return f"{given}/{NAME}"
    if os.access(SYSTEM, os.W_OK) or (root and os.path.isdir(os.path.dirname(SYSTEM))):
        return f"{SYSTEM}/{NAME}"
    own = environment.get("XDG_RUNTIME_DIR", "")
    return f"{own}/txbalancer/{NAME}" if own else ""


class ControlSocket:
    """
    Listens at a path, and follows the configuration.

    @ivar path: where; empty while it does not.
    @ivar given: returns the file number of a socket at a path that another process has
        opened; -1 for none.
    """

    log = Logger()

    def __init__(self, reactor: Any, board: Board, environment: Mapping[str, str] | None) -> None:
        """
        @param environment: see L{find_path}.
        """
        self.path = ""
        self._reactor, self._environment = reactor, environment
        self._site = ControlSite(Root(Api(board, SocketAccess())), reactor)
        self._port: Any = None
        self._made = self._lacking = False
        self.given: Callable[[str], int] = lambda path: -1

    def check(self, option: str) -> None:
        """
        See whether a path that is named can be used.

        @raise StartError: saying why not.
        """
        fault = socket_fault(option)
        if fault:
            raise StartError(f"control {option}: {fault}")

    def use(self, option: str) -> None:
        """
        Listen where C{control} says from now on. What does not work is told, and the service
        goes on without a socket.
        """
        path = find_path(option, self._environment, os.geteuid() == 0)
        if path and path == self.path:
            if self._made and not os.path.lexists(path):
                self.log.warn("{path} was removed: it is made again", path=path)
                # Not at once: the old one, when it is closed, removes what is there.
                self.close().addBoth(lambda _: self._open(path))
            return
        self.close()
        if path:
            self._open(path)
        elif option == "auto" and self._environment is not None and not self._lacking:
            self._lacking = True
            self.log.info(
                "no socket for commands: no folder to put it in;"
                " name one in [txbalancer], as control = PATH"
            )

    def close(self) -> Deferred[Any]:
        """
        Take no more commands, and remove the socket.
        """
        port, self._port, self.path = self._port, None, ""
        self._site.close()
        if port is None:
            return succeed(None)
        return maybeDeferred(port.stopListening)

    # -- from one process to the next

    @property
    def number(self) -> int:
        """
        The file number of the socket; -1 while it does not listen.
        """
        return -1 if self._port is None else int(self._port.fileno())

    def pause(self) -> None:
        """
        Let further commands wait, until L{resume}.
        """
        if self._port is not None:
            self._port.stopReading()

    def resume(self) -> None:
        """
        Take the commands that wait.
        """
        if self._port is not None:
            self._port.startReading()

    def give_away(self) -> None:
        """
        Leave further commands to another process that has the socket, too.
        """
        if self._port is not None:
            abandon(self._port)
            self._port, self.path = None, ""

    def own(self) -> None:
        """
        Remove the socket at the end, though another process has made it.
        """
        if isinstance(self._port, AdoptedUNIXPort):
            self._port.owned = True

    def _adopt(self, path: str, number: int) -> None:
        self._port = adopt_unix(self._reactor, self._site, number)
        os.close(number)
        self.path, self._made = path, True
        self.log.info("commands are taken at {path} from here on", path=path)

    def _open(self, path: str) -> None:
        number = self.given(path)
        if number >= 0:
            self._adopt(path, number)
            return
        try:
            self._make_room(path)
            # Nobody else may connect, not even before the mode is set.
            mask = os.umask(0o177)
            try:
                self._port = self._reactor.listenUNIX(path, self._site, mode=0o600)
            finally:
                os.umask(mask)
        except (OSError, CannotListenError) as error:
            inner = getattr(error, "socketError", None) or error
            cause = getattr(inner, "strerror", None) or str(inner)
            self.log.warn("no socket for commands: {path}: {cause}", path=path, cause=cause)
            return
        self.path, self._made = path, os.path.lexists(path)
        self.log.info("commands are taken at {path}", path=path)

    def _make_room(self, path: str) -> None:
        """
        Make the folder, and remove what a killed process left.

        @raise OSError: when the path is taken.
        """
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        if not os.path.lexists(path):
            return
        if not _is_socket(path):
            raise FileExistsError(17, "there is something that is no socket: move it away")
        if _is_served(path):
            raise FileExistsError(
                17,
                "another process takes commands there; give this service one of its own,"
                " as control = PATH in [txbalancer]",
            )
        os.unlink(path)


def _is_socket(path: str) -> bool:
    return stat.S_ISSOCK(os.lstat(path).st_mode)


def _is_served(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trial:
        trial.setblocking(False)
        try:
            trial.connect(path)
        except BlockingIOError:
            return True  # somebody listens, with a full queue
        except OSError:
            return False
    return True


class Root(Resource):
    """
    Has the API at C{api}, which says of all other paths where it is.
    """

    def __init__(self, api: Resource) -> None:
        super().__init__()
        self._api = api

    def getChild(self, path: bytes, request: server.Request) -> Resource:
        """
        Return the API.
        """
        if path != b"api":
            request.postpath = []
        return self._api


class ControlSite(Site):
    """
    Serves the API, without a log of its own.
    """

    noisy = False

    def __init__(self, resource: Resource, reactor: Any) -> None:
        super().__init__(resource, reactor=reactor)
        self._open: dict[Any, Any] = {}

    def startFactory(self) -> None:
        """
        Nothing to do: there is no log whose time would have to be kept.
        """

    def stopFactory(self) -> None:
        """
        Nothing to do.
        """

    def log(self, request: Request) -> None:
        """
        Commands are in the audit lines.
        """

    def getResourceFor(self, request: Request) -> Any:
        """
        Return what a request leads to; nothing where this process itself is at the other end.

        The socket as a member would give the rights of its file to every client.
        """
        channel: Any = request.channel
        if _peer(channel.transport)[0] == os.getpid():
            return NOT_PASSED_ON
        return super().getResourceFor(request)

    def buildProtocol(self, addr: Any) -> Any:
        """
        Make the protocol of a connection, and remember it for as long as it is open.
        """
        protocol: Any = super().buildProtocol(addr)
        made, lost = protocol.makeConnection, protocol.connectionLost

        def make_connection(transport: Any) -> None:
            self._open[protocol] = transport
            made(transport)

        def connection_lost(reason: Any) -> None:
            self._open.pop(protocol, None)
            lost(reason)

        protocol.makeConnection, protocol.connectionLost = make_connection, connection_lost
        return protocol

    def close(self) -> None:
        """
        Close every connection, once it has what was written to it.
        """
        for transport in list(self._open.values()):
            transport.loseConnection()


class SocketAccess:
    """
    Who can open the socket is let in by the rights of its file, and may do everything.
    """

    typed = False

    def names(self, board: Board) -> tuple[str, ...]:
        """
        Return the names of all balancers.
        """
        return board.names()

    def whole(self) -> bool:
        """
        All of the service.
        """
        return True

    def role(self, request: Request) -> Role:
        """
        Return what the sender may do.
        """
        return Role.OPERATE

    def challenge(self, request: Request) -> bytes | None:
        """
        Nobody logs in here.
        """
        return None

    def who(self, request: Request) -> str:
        """
        Say which user of the machine is at the other end.
        """
        channel: Any = request.channel
        return f"{_user(channel.transport)} on the control socket"

    def distrust(self, request: Request) -> str:
        """
        No browser comes this way.
        """
        return ""


class NotPassedOn(Resource):
    """
    Answers what this service itself sends.
    """

    isLeaf = True

    def render(self, request: Request) -> bytes:
        """
        Refuse it.
        """
        problem = Problem(
            403,
            "commands are not taken from the service itself, which passes on what others send",
            "the socket for commands cannot be a member: use `to = manager:`, with its rules",
        )
        request.setResponseCode(problem.status)
        request.setHeader("Content-Type", CONTENT_TYPE)
        return compact(problem.as_json()) + b"\n"


NOT_PASSED_ON = NotPassedOn()


def _peer(transport: Any) -> tuple[int, int]:
    """
    Return process and user at the other end; -1 for what is not known.
    """
    try:
        found = transport.socket.getsockopt(
            socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size
        )
    except (AttributeError, OSError):
        return -1, -1
    process, user, _ = _CREDENTIALS.unpack(found)
    return process, user


def _user(transport: Any) -> str:
    _, uid = _peer(transport)
    if uid < 0:
        return "somebody"
    try:
        return f"uid {uid} ({pwd.getpwuid(uid).pw_name})"
    except KeyError:
        return f"uid {uid}"

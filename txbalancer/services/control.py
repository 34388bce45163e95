"""
The unix socket at which a service takes commands; who may open it may do everything.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.error import CannotListenError
from twisted.logger import Logger

from txbalancer.control.checks import socket_fault
from txbalancer.control.manager.board import Board
from txbalancer.errors import StartError, why
from txbalancer.net.adopt import SharedUNIXPort, adopt_port
from txbalancer.services.commandsite import Caller, ControlSite, Root, SocketAccess
from txbalancer.services.sockets import abandon

NAME = "control.sock"
SYSTEM = "/run/txbalancer"


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
        self._board = board
        self._site: ControlSite | None = None
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

    def _ready(self) -> ControlSite:
        if self._site is None:
            # A worker has no such socket, and is smaller without what answers there.
            from txbalancer.control.api.resource import Api

            self._site = ControlSite(Root(Api(self._board, SocketAccess())), self._reactor)
        return self._site

    def close(self) -> Deferred[Any]:
        """
        Take no more commands, and remove the socket.
        """
        port, self._port, self.path = self._port, None, ""
        if self._site is not None:
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

    def unfinished(self) -> list[Caller]:
        """
        Return whoever is connected.
        """
        return [] if self._site is None else self._site.callers()

    def own(self) -> None:
        """
        Remove the socket at the end, though another process has made it.
        """
        if isinstance(self._port, SharedUNIXPort):
            self._port.owned = True

    def _adopt(self, path: str, number: int) -> None:
        self._port = adopt_port(self._reactor, number, socket.AF_UNIX, self._ready())
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
                self._port = self._reactor.listenUNIX(path, self._ready(), mode=0o600)
            finally:
                os.umask(mask)
        except (OSError, CannotListenError) as error:
            inner = getattr(error, "socketError", None) or error
            self.log.warn("no socket for commands: {path}: {cause}", path=path, cause=why(inner))
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

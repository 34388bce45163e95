"""
What is behind the socket for commands: the API, for whoever may open it.
"""

from __future__ import annotations

import os
import pwd
import socket
import struct
from typing import Any

from twisted.web import server
from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import Site

from txbalancer.control.api.problem import CONTENT_TYPE, Problem
from txbalancer.control.manager.board import Board
from txbalancer.control.rights import Role
from txbalancer.control.stream import compact

_CREDENTIALS = struct.Struct("iII")


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


class Caller:
    """
    Somebody whose command is in progress.
    """

    __slots__ = ("_transport",)

    def __init__(self, transport: Any) -> None:
        self._transport = transport

    def cut(self) -> None:
        """
        End the connection now.
        """
        self._transport.abortConnection()


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

    def callers(self) -> list[Caller]:
        """
        Return whoever is connected.
        """
        return [Caller(each) for each in self._open.values()]

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

"""
A worker without a process.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.testing import StringTransport
from twisted.protocols.amp import AMP

from tests.services.worlds import Reactor
from txbalancer.config import loads
from txbalancer.services.plugins import load_registry
from txbalancer.services.post import Post
from txbalancer.workers.handover import open_box
from txbalancer.workers.orders import Configure, Heed, Outset, Setup
from txbalancer.workers.parcels import Packed
from txbalancer.workers.sharing import Sharing
from txbalancer.workers.spread import Spread
from txbalancer.workers.table import EDITION, Table, create_memory
from txbalancer.workers.word import Word

TEXT = """\
[txbalancer]
access-log = off
graceful-timeout = 3s
[listener:web]
endpoint = tcp:80
[mount:/]
to = status:204
"""


class Adopted:
    """
    A port of another process.
    """

    def __init__(self) -> None:
        self.open = True

    def stopListening(self) -> Deferred[None]:
        self.open = False
        return succeed(None)


class Loop(Reactor):
    """
    A reactor that can be stopped, and takes ports.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stops = 0
        self.ports: list[Adopted] = []
        self.running = True

    def stop(self) -> None:
        self.stops += 1

    def adoptStreamPort(self, number: int, family: int, factory: Any) -> Adopted:
        self.factory = factory
        self.ports.append(Adopted())
        return self.ports[-1]


class Worker:
    """
    A worker without a process.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "shared"
        self.folder.mkdir()
        self.memory = create_memory()
        self.table = Table(self.memory)
        self.table.use(1)
        self.box = open_box(str(self.folder), 1)
        self.reactor = Loop()
        spread = Spread(self.table, 1)
        self.sharing = Sharing(self.reactor, spread, str(self.folder), self.box)
        self.post = Post(self.reactor, self.sharing, self.table, 1)
        self.transport = StringTransport()
        self.post.makeConnection(self.transport)
        self.answers: list[Any] = []

    def order(self, command: Any, **arguments: Any) -> Any:
        """
        Tell it something, and return its answer.
        """
        supervisor, line = AMP(), StringTransport()
        supervisor.makeConnection(line)
        self.transport.clear()
        answers: list[Any] = []
        supervisor.callRemote(command, **arguments).addBoth(answers.append)
        self.post.dataReceived(line.value())
        supervisor.dataReceived(self.transport.value())
        self.transport.clear()
        return answers[0]

    def hear(self, word: Word) -> None:
        """
        Tell it what others have found.
        """
        supervisor, line = AMP(), StringTransport()
        supervisor.makeConnection(line)
        supervisor.callRemote(Heed, word=word)
        self.post.dataReceived(line.value())

    def configure(
        self, text: str = TEXT, edition: int = 1, states: Any = None, guesses: Any = None
    ) -> Any:
        """
        Have it serve by a configuration.

        @param states: how balancers are, by their names.
        """
        spec = Packed(loads(text, load_registry()).spec)
        outset = Outset(self.reactor.seconds(), states or {}, Word(), {}, {}, guesses or {})
        setup = Setup(spec, edition, outset, 2, b"secret", str(self.folder))
        return self.order(Configure, setup=setup, place=1, sockets={(1, 0)})

    def give(self, index: int = 0) -> None:
        """
        Give it a socket.
        """
        with socket.socket() as given:
            number = os.dup(given.fileno())
        self.post.take_socket(1, index, "tcp:80", socket.AF_INET, number)

    @property
    def edition(self) -> int:
        """
        By which edition others see it serve.
        """
        return int(self.table.column(1)[EDITION])

    def close(self) -> None:
        """
        Close everything.
        """
        self.sharing.close()
        self.box.close()
        os.close(self.memory)

"""
A port that systemd holds, while the service behind it is restarted.
"""

from __future__ import annotations

import socket
import sys
from contextlib import ExitStack

import pytest

from tests.integration.conftest import Starts
from tests.integration.process import BalancerProcess, until
from tests.peers import Peers, require

pytestmark = [pytest.mark.integration, pytest.mark.peers]

TEXT = """\
[txbalancer]
access-log = off
workers = {workers}
[listener:web]
endpoint = systemd:domain=INET:name=web
[mount:/]
to = status:204
"""
HAND_OVER = """\
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Gives a socket, under the number that systemd has for the first one, to another program."""


def activate(process: BalancerProcess, listening: socket.socket) -> None:
    """
    Start the service as systemd does for its socket unit.
    """
    passed = [f"-E{name}={process.env[name]}" for name in ("PYTHONPATH", "NOTIFY_SOCKET")]
    passed.append(f"-ERUNTIME_DIRECTORY={process.folder}")
    # The tool takes the socket from whoever started it, as the service does from the tool.
    tool = [require("systemd-socket-activate"), "--fdname=web", *passed]
    number = listening.fileno()
    process.launch_with([number], sys.executable, "-c", HAND_OVER, str(number), *tool)


@pytest.mark.parametrize("workers", [0, 1])
def test_no_connection_is_refused_by_a_restart(
    balancer: Starts, peers: Peers, workers: int
) -> None:
    """
    Clients that come while nobody serves wait, and are answered by the next process.
    """
    process = balancer(TEXT.format(workers=workers), start=False)
    with socket.socket() as listening, ExitStack() as stack:
        # It stays open over all restarts, as systemd keeps it.
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        answered = 0
        for _ in range(2):
            # The tool starts the service with the first client.
            clients = [
                stack.enter_context(socket.create_connection(listening.getsockname(), 5.0))
                for _ in range(3)
            ]
            for client in clients:
                client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            activate(process, listening)
            for client in clients:
                client.settimeout(60.0)
                answered += client.recv(100).startswith(b"HTTP/1.1 204 ")
            until(lambda: process.told().startswith(b"READY=1"), "it is ready")
            assert process.terminate() == 0
            assert process.told() == b"STOPPING=1"
        assert answered == 6

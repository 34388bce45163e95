"""
Slow work beside a running reactor.
"""

from __future__ import annotations

import threading
import time

import pytest
import pytest_twisted
from twisted.internet import reactor, task
from twisted.internet.defer import Deferred

from txbalancer.core import htpasswd
from txbalancer.net.offload import Offload

pytestmark = pytest.mark.integration


@pytest_twisted.ensureDeferred
async def test_a_password_does_not_stop_the_reactor() -> None:
    """
    While bcrypt works in a thread the reactor goes on turning, and the result comes back to it.
    """
    hashed = "$2y$11$" + "." * 53
    done: Deferred[tuple[bool, int]] = Deferred()
    turns: list[float] = []
    ticking = task.LoopingCall(lambda: turns.append(time.monotonic()))
    ticking.start(0.001)
    Offload(reactor).submit(
        lambda: (htpasswd.verify(hashed, b"x"), threading.get_ident()),
        lambda found: done.callback((*found, threading.get_ident())),
    )
    right, worker, caller = await done
    ticking.stop()
    assert not right
    assert worker != caller == threading.get_ident()
    assert len(turns) > 20

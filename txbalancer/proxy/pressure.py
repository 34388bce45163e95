"""
What happens when a member does not take what is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from txbalancer.net.deadlines import NEVER

if TYPE_CHECKING:
    from txbalancer.proxy.exchange import Exchange
    from txbalancer.proxy.pool import MemberPool
    from txbalancer.proxy.tunnel import Tunnel


class Sender(Protocol):
    """
    What sends to a member: a connection, or a stream.

    @ivar stuck: whether the member does not take what is sent.
    """

    deadline: float
    request_sent: bool
    stuck: bool

    @property
    def pool(self) -> MemberPool: ...

    @property
    def exchange(self) -> Exchange | None: ...

    @property
    def tunnel(self) -> Tunnel | None: ...


def block(sender: Sender) -> None:
    """
    Stop the client: the member is full.
    """
    sender.stuck = True
    sender.deadline = sender.pool.now() + sender.pool.timeout
    if sender.tunnel is not None:
        sender.tunnel.member_blocked()
    elif sender.exchange is not None:
        sender.exchange.member_blocked()


def unblock(sender: Sender) -> None:
    """
    Let the client go on: the member took what was waiting.
    """
    sender.stuck = False
    if not sender.request_sent:
        sender.deadline = NEVER
    if sender.tunnel is not None:
        sender.deadline = NEVER
        sender.tunnel.member_unblocked()
    elif sender.exchange is not None:
        sender.exchange.member_unblocked()

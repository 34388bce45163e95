"""
Balancers of all sorts, and sequences with requests that stay open.
"""

from __future__ import annotations

import select
import time
from collections.abc import Sequence

from tests.differential.cases import get
from tests.differential.members import HOLD, OK, PATIENCE
from tests.differential.sides import Seen, Side, Waiting


def balancer(members: Sequence[str], *options: str, header: str = "") -> str:
    """
    Write a balancer.

    @param members: parameters of each, in order; C{dead} ones come with an address that refuses.
    @param options: of the balancer, such as C{lbmethod=bytraffic}.
    @param header: directives beside it.
    """
    found = ["<Proxy balancer://{n}>"]
    for index, each in enumerate(members):
        # URLs of dead members must differ.
        url = f"http://{{x}}/{index}" if each.startswith("dead") else f"http://{{{index}}}"
        found.append(f"BalancerMember {url} {each.removeprefix('dead')}".rstrip())
    found += [f"ProxySet {each}" for each in options]
    found += ["</Proxy>", header, "ProxyPass /unproxied !", "ProxyPass / balancer://{n}/"]
    return "\n".join(found)


def busy_play(side: Side, site: str, plan: Sequence[bool], most: int) -> list[Seen]:
    """
    Send requests that members hold, and release the oldest, as planned; then release all.

    @param plan: C{True} to send one more, C{False} to release the oldest.
    @param most: how many to send at most.
    """
    waiting: list[tuple[int, Waiting]] = []
    found: dict[int, Seen] = {}
    for sends in plan:
        sent = len(waiting) + len(found)
        if sends and sent < most:
            asked = side.send(site, get("/held"), (HOLD, *OK))
            if _elected(side, asked):
                waiting.append((sent, asked))
            else:
                found[sent] = _finish(side, site, asked)
        elif waiting:
            position, asked = waiting.pop(0)
            found[position] = _finish(side, site, asked)
    found |= {position: _finish(side, site, asked) for position, asked in waiting}
    return [found[position] for position in sorted(found)]


def _elected(side: Side, asked: Waiting) -> bool:
    """
    Wait until a member has a request, or else its client an answer.
    """
    answered = select.poll()
    answered.register(asked.client.socket, select.POLLIN)
    deadline = time.monotonic() + PATIENCE
    while not side.members.received(asked.tag):
        if answered.poll(1):
            return False
        assert time.monotonic() < deadline, f"{side.name}: nobody got the request"
    return True


def _finish(side: Side, site: str, asked: Waiting) -> Seen:
    side.members.release(asked.tag)
    found = side.read(asked, close=False)
    # Busy falls once the client's request is finished (APACHE A15), which is so when the next
    # one on its connection is answered, or the connection has ended.
    if found.answer.stays:
        side.ask(site, get("/unproxied"), on=asked.client)
    asked.client.socket.close()
    return found

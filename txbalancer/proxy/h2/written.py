"""
How header lines are written, to all members and to all clients.
"""

from __future__ import annotations

from txbalancer.http2.literals import Literals
from txbalancer.http2.tables import Field

REQUESTS = Literals()
ANSWERS = Literals()


def seal(literals: Literals, secrets: list[Field]) -> None:
    """
    Have fields never indexed by whoever gets them next, as they came (RFC 7541 7.1.3).
    """
    for name, value in secrets:
        literals.seal(b"%b: %b" % (name, value))

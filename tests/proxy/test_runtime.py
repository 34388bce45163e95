"""
What all parts of the data path share.
"""

from __future__ import annotations

from tests.proxy.rigs import GET, MOUNTS, ask
from txbalancer.testing import MemoryRig


def test_the_date_is_of_this_second() -> None:
    """
    Answers without a Date get one, made once a second (RFC 9110 6.6.1).
    """
    rig = MemoryRig(MOUNTS)
    assert rig.runtime.date_line() == b"Date: Fri, 15 Jan 2027 08:00:00 GMT"
    assert rig.runtime.date_line() is rig.runtime.date_line()
    rig.advance(61)
    assert b"\r\nDate: Fri, 15 Jan 2027 08:01:01 GMT\r\n" in ask(rig, GET)

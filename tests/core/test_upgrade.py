"""
The rule for protocol changes.
"""

from __future__ import annotations

import pytest

from txbalancer.core.upgrade import may_upgrade


@pytest.mark.parametrize(
    ("wanted", "allowed", "offered"),
    [
        (b"websocket", "websocket", True),
        (b"WebSocket", "websocket", True),
        (b"websocket", "WebSocket", True),
        (b"websocket", "NONE", False),
        (b"websocket", "none", False),
        (b"none", "none", False),
        (b"websocket", "ANY", True),
        (b"anything/1", "any", True),
        (b"foo", "websocket", False),
        (b"foo, websocket", "websocket", False),
        (b"foo, websocket", "ANY", False),
        (b"web socket", "ANY", False),
        (b"h2c", "ANY", False),
        (b"H2C", "h2c", False),
        (b"h2", "ANY", False),
        (b"h2c-14", "ANY", False),
    ],
)
def test_H40_which_protocol_is_offered(wanted: bytes, allowed: str, offered: bool) -> None:
    """
    One protocol, in any case, that the member allows, and never HTTP/2.
    """
    assert may_upgrade(wanted, allowed) is offered

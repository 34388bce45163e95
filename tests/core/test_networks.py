"""
Which addresses are one client's.
"""

from __future__ import annotations

import pytest

from txbalancer.core.networks import household


@pytest.mark.parametrize(
    ("client", "whose"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2"),
        ("2001:db8::6", "2001:db8:0:0"),
        ("fe80::1%eth0", "fe80:0:0:0"),
        ("::1", "0:0:0:0"),
        ("", ""),
    ],
)
def test_households(client, whose) -> None:
    """
    An address of IPv4 stands for itself, one of IPv6 for its network of 64 bits.
    """
    assert household(client) == whose

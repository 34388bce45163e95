"""
What tests of the data path share.
"""

from __future__ import annotations

import pytest

from txbalancer.testing import MemoryTransport


@pytest.fixture(params=[False, True], ids=["later", "at-once"])
def ends(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Have connections end in the next turn, as Twisted's do, and again before the call that ends them
    returns, as eager ones do.
    """
    monkeypatch.setattr(MemoryTransport, "at_once", request.param)

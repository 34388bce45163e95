"""
docs/cli.rst shows what commands really print.
"""

from __future__ import annotations

import pytest

from tests.control.cli import manual


@pytest.mark.parametrize(("terminal", "zone"), [("dumb", "UTC"), ("xterm", "Asia/Tokyo")])
def test_outputs_are_fresh(monkeypatch: pytest.MonkeyPatch, terminal: str, zone: str) -> None:
    """
    Each example of the page prints what stands there, whoever's terminal and time zone it is;
    C{make docs} writes it anew.
    """
    monkeypatch.setenv("TERM", terminal)
    monkeypatch.setenv("TZ", zone)
    page = manual.PAGE.read_text()
    assert manual.fresh(page) == page

"""
docs/cli.rst shows what commands really print.
"""

from __future__ import annotations

from tests.control.cli import manual


def test_outputs_are_fresh() -> None:
    """
    Each example of the page prints what stands there; C{python -m tests.control.cli.manual}
    writes it anew.
    """
    page = manual.PAGE.read_text()
    assert manual.fresh(page) == page

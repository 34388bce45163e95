"""
The table of differences itself.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from tests.differential import settle
from tests.differential.differences import DIFFERENCES, EVERYWHERE

MODULES = [
    import_module(f"tests.differential.{path.stem}")
    for path in sorted(Path(__file__).parent.glob("test_*.py"))
    if path.stem != Path(__file__).stem
]
CASES = {name for module in MODULES for name in getattr(module, "CASES", ())}
FOUND = [(0, ("status", "200", "502"))]


def test_entries_name_cases() -> None:
    """
    Each case of the table is there, and each entry is proven by one.
    """
    for entry in DIFFERENCES:
        named = set(entry.cases) - {EVERYWHERE}
        assert named, entry.what
        assert named <= CASES, named - CASES


def test_the_manual_has_the_table() -> None:
    """
    The manual shows the table as it is; C{make docs} writes it.
    """
    text = settle.MANUAL.read_text()
    assert text == settle.manual(text)


def test_what_is_not_in_the_table_fails() -> None:
    """
    A difference of a case that the table does not name fails, and is told.
    """
    with pytest.raises(AssertionError, match="request 0: status: Apache 200, txbalancer 502"):
        settle.settle("failures/closes", FOUND)


def test_what_has_become_untrue_fails() -> None:
    """
    A case that should differ and does not fails, and so does one that differs in more.
    """
    settle.settle("failures/garbage", FOUND)
    with pytest.raises(AssertionError, match="status: no difference any more"):
        settle.settle("failures/garbage", [])
    with pytest.raises(AssertionError, match="body"):
        settle.settle("failures/garbage", [*FOUND, (0, ("body", "a", "b"))])

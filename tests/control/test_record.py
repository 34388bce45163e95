"""
How tries went.
"""

from __future__ import annotations

import pytest

from txbalancer.control.record import Record


def test_before_the_first() -> None:
    """
    What was never tried has not failed.
    """
    record = Record()
    assert (record.passed, record.failed, record.last, record.fine) == (0, 0, 0.0, True)


def test_trials() -> None:
    """
    A trial goes well unless it raises, which it goes on to do; the last success is dated.
    """
    record = Record()
    with record.trial(lambda: 5.0):
        pass
    assert (record.passed, record.failed, record.last, record.fine) == (1, 0, 5.0, True)
    with pytest.raises(KeyError), record.trial(lambda: 6.0):
        raise KeyError("x")
    assert (record.passed, record.failed, record.last, record.fine) == (1, 1, 5.0, False)
    record.note(True, 7.0)
    assert (record.passed, record.last, record.fine) == (2, 7.0, True)

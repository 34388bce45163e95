"""
How busy a worker is.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from txbalancer.workers import load as module
from txbalancer.workers.load import Load


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """
    Have the clocks stand at these two numbers: of the wall, and of the processor.
    """
    times = [0, 0]
    monkeypatch.setattr(module.time, "monotonic_ns", lambda: times[0])
    monkeypatch.setattr(module.time, "process_time_ns", lambda: times[1])
    return times


def test_waiting_for_a_processor_counts(clock: list[int], tmp_path: Path) -> None:
    """
    Who runs for a third and waits to run for a third is busy for two thirds of the time.
    """
    file = tmp_path / "schedstat"
    file.write_text("1000 500 7\n")
    load = Load(str(file))
    clock[0] = 3000
    file.write_text("2000 1500 9\n")
    assert load.look() == 666
    assert load.look() == 0
    clock[0] = 6000
    assert load.look() == 0
    clock[0] = 7000
    file.write_text("3000 3500 9\n")
    assert load.look() == 1000


def test_where_the_system_does_not_tell(clock: list[int], tmp_path: Path) -> None:
    """
    There the time of the processor is what counts.
    """
    load = Load(str(tmp_path / "missing"))
    clock[:] = [1000, 400]
    assert load.look() == 400

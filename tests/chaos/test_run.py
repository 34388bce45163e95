"""
A short run with faults of every kind.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.chaos.programs import NAMES
from tests.integration.process import environment

pytestmark = pytest.mark.integration


def test_a_short_run() -> None:
    """
    While members die and hang, the network fails, the log has no room and the configuration
    changes, every request that can be served is, by its own answer; counters and log agree, and
    nothing stays open.
    """
    done = subprocess.run(
        (sys.executable, "-m", "tests.chaos", "--seconds", "15", "--seed", "1500"),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all held" in done.stdout
    assert any(f"kill {name}" in done.stdout for name in NAMES)

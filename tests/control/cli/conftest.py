"""
What tests of commands share.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.control.cli.services import Service, serving


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """
    Serve two balancers.
    """
    with serving(tmp_path / "control.sock") as found:
        yield found

"""
The table of workers on the manager's page, while it is watched.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.integration.process import BalancerProcess, until

pytestmark = [pytest.mark.integration, pytest.mark.peers]

TEXT = """\
[txbalancer]
workers = COUNT
access-log = off
graceful-timeout = 1s
[listener:web]
endpoint = tcp:PORT:interface=127.0.0.1
[balancer:shop]
members = http://127.0.0.1:9
[mount:/bm]
to = manager:
"""


def text(count: int) -> str:
    """
    Return the configuration with so many workers.
    """
    return TEXT.replace("COUNT", str(count))


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BalancerProcess]:
    """
    Start a balancer with two workers.
    """
    process = BalancerProcess(tmp_path_factory.mktemp("workers"), text(2))
    yield process.start()
    process.stop()


def have(process: BalancerProcess, count: int) -> None:
    """
    Reload with so many workers; one that has to be started may take a while.
    """
    start = len(process.log())
    process.write(text(count))
    process.signal(signal.SIGHUP)
    until(lambda: "reload done" in process.log()[start:], "the reload is done", 60.0)


def test_the_table_of_workers_is_live(screen: Any, process: BalancerProcess) -> None:
    """
    Without a reload of the page a lost worker's row has the next one's process; rows come with
    more workers, and go with fewer.
    """
    shown = screen()
    page = shown.open()
    page.evaluate("window.same = true")
    rows = page.locator("#workers tbody tr")
    expect(rows).to_have_count(2)
    cells = page.locator("#workers tbody td[data-name=Process]")
    before = cells.all_text_contents()
    os.kill(int(before[1]), signal.SIGKILL)
    expect(cells.nth(1)).not_to_have_text(before[1], timeout=30000)
    expect(cells.nth(0)).to_have_text(before[0])
    have(process, 3)
    expect(rows).to_have_count(3, timeout=30000)
    assert [each for each in cells.all_text_contents() if not each.isdigit()] == []
    have(process, 1)
    expect(rows).to_have_count(1, timeout=30000)
    expect(cells.nth(0)).to_have_text(before[0])
    assert page.evaluate("window.same")
    # The page may have come through a worker that is gone; then it has asked again.
    assert all("ERR_" in each for each in shown.complaints)
    shown.complaints.clear()

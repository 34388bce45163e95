"""
The table of all parameters is that of the code.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from tests.config.httpd.collecting import balancer, good
from txbalancer.config.httpd import manual, manual_rows
from txbalancer.config.httpd.parameters import BALANCER_OPTIONS, MEMBER_KEYS, MOUNT_KEYS

PAGE = Path(__file__).parents[3] / "docs" / "parameters.rst"


def test_the_page_is_fresh() -> None:
    """
    docs/parameters.rst is what C{python -m txbalancer.config.httpd.manual} writes.
    """
    assert PAGE.read_text(encoding="utf-8") == manual.manual(), "run: make docs"


def test_it_is_written_by_a_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    Run as a module, the page goes to standard output.
    """
    monkeypatch.delitem(sys.modules, "txbalancer.config.httpd.manual")
    runpy.run_module("txbalancer.config.httpd.manual", run_name="__main__")
    assert capsys.readouterr().out == manual.manual()


def test_every_item_is_there_once() -> None:
    """
    Each parameter of Apache's is in one row, in the order of its description.
    """
    items = [row.item for row in manual_rows.OF_MEMBERS]
    assert items == [f"W{number}" for number in range(1, 28)]
    assert [row.item for row in manual_rows.OF_BALANCERS] == [
        f"B{number}" for number in range(1, 13)
    ]
    keys = [
        row.key
        for row in (*manual_rows.OF_MEMBERS, *manual_rows.OF_CHECKS)
        if row.key != "multipathtcp"
    ]
    assert len(set(keys)) == len(keys)
    assert set(keys) <= MEMBER_KEYS
    assert {row.key for row in manual_rows.OF_BALANCERS} <= set(BALANCER_OPTIONS)
    assert {row.key for row in manual_rows.OF_MOUNTS} == MOUNT_KEYS


@pytest.mark.parametrize("row", manual_rows.OF_MEMBERS, ids=lambda row: row.key)
def test_the_verdict_is_what_happens(row: manual_rows.Row) -> None:
    """
    What is said to mean nothing here is not an option; all else is one, or stands for one.
    """
    carried = row.key in manual.MEMBER_OPTIONS or row.key == "enablereuse"
    assert carried is (row.verdict != manual_rows.NO)


@pytest.mark.parametrize("row", manual_rows.OF_BALANCERS, ids=lambda row: row.key)
def test_defaults_in_apaches_syntax_are_those_of_a_file(row: manual_rows.Row) -> None:
    """
    The default that the table gives is what a file without the parameter has.
    """
    attribute, option = BALANCER_OPTIONS[row.key]
    spec = good(balancer("BalancerMember http://h:1"))["c"]
    assert getattr(spec, attribute) == option.apache

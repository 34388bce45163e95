"""
The reference manual is that of the code.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from txbalancer.config.reference import reference
from txbalancer.core import specs

MANUAL = Path(__file__).parents[2] / "docs" / "reference.rst"


def test_the_manual_is_fresh() -> None:
    """
    docs/reference.rst is what `python -m txbalancer.config.reference` writes.
    """
    assert MANUAL.read_text(encoding="utf-8") == reference(), (
        "run: python -m txbalancer.config.reference > docs/reference.rst"
    )


def test_the_module_writes_the_manual(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Run as a program, the module writes the manual to standard output.
    """
    monkeypatch.delitem(sys.modules, "txbalancer.config.reference")
    runpy.run_module("txbalancer.config.reference", run_name="__main__")
    assert capsys.readouterr().out == reference()


@pytest.mark.parametrize(
    "spec",
    [
        specs.GlobalSpec,
        specs.ListenerSpec,
        specs.BalancerSpec,
        specs.MemberSpec,
        specs.MountSpec,
    ],
)
def test_every_option_is_in_it(spec: type) -> None:
    """
    Each option has a row, with both defaults where Apache's differs.
    """
    text = reference()
    for _, option in specs.options(spec):
        assert f"   * - ``{option.name}``\n" in text
    assert "``10s``\n     - ``1min``\n     - Time out of use" in text


def test_rows_have_all_columns() -> None:
    """
    Each row of a table has five cells, as the head has.
    """
    tables = reference().split(".. list-table::")[1:]
    for table in tables:
        rows = table.split("   * - ")[1:]
        assert {row.count("\n     -") for row in rows} == {4}

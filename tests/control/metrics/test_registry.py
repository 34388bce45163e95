"""
What the families have in common, and their names.
"""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from tests.control.metrics.pages import CONFIGURATION, fetch, series
from tests.services.worlds import World
from txbalancer.control.metrics.families import COUNTER, GAUGE
from txbalancer.control.metrics.registry import FAMILIES, GROUPS

EACH = [
    pytest.param(group, family, id=family.name) for group in GROUPS for family in group.families
]


@pytest.mark.parametrize(("group", "family"), EACH)
def test_names(group, family) -> None:
    """
    A name tells whose family it is, has no suffix that the formats give a meaning to, and no
    label twice.
    """
    prefix = "txbalancer_" if group.what == "service" else f"txbalancer_{group.what}_"
    assert re.fullmatch(prefix + "[a-z][a-z_]*[a-z]", family.name)
    assert not family.name.endswith(("_total", "_count", "_sum", "_bucket", "_created"))
    assert family.name.endswith("_info") <= (family.name == "txbalancer_build_info")
    assert family.by not in group.labels
    assert (family.kind in (COUNTER, GAUGE)) or not family.by


@pytest.mark.parametrize(("group", "family"), EACH)
def test_helps(group, family) -> None:
    """
    A help is one sentence, without its full stop and without what would have to be escaped.
    """
    assert re.fullmatch(r"[A-Z01][^\n\\\"]+[^.\s]", family.help)


def test_names_are_unique() -> None:
    """
    No name is that of another family's series.
    """
    every = [name for family in FAMILIES.values() for name in {*series(family), family.name}]
    assert len(every) == len(set(every))
    assert len(FAMILIES) == sum(len(group.families) for group in GROUPS)


def test_promtool_has_nothing_to_say() -> None:
    """
    Prometheus's own check of a page finds no fault and no bad habit.
    """
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    _, body = fetch(World(CONFIGURATION).start())
    done = subprocess.run(
        [promtool, "check", "metrics"], input=body, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")

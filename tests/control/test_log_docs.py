"""
What logs can say is in the manual: who reads a line at night finds every word of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.control.records import finished
from txbalancer import errors
from txbalancer.control.loglines import as_json
from txbalancer.core.events import KINDS
from txbalancer.proxy import guard

MANUAL = (Path(__file__).parents[2] / "docs" / "operations.rst").read_text()
ELSEWHERE = {"no-mount", "not-proxied", "resource-failed", "tunnel-idle"}
"""Reasons that are not those of an error."""
NEVER = {errors.BalancerError, errors.MemberError, errors.ConfigError, errors.ConfigErrors}
"""Bases, and what goes wrong before anything is served."""


def errors_of(kind: type[errors.BalancerError]) -> Iterator[type[errors.BalancerError]]:
    """
    Yield a kind of error and all kinds of it.
    """
    yield kind
    for each in kind.__subclasses__():
        if each.__module__ == errors.__name__:
            yield from errors_of(each)


REASONS = {
    each.reason
    for each in errors_of(errors.BalancerError)
    if each not in NEVER and each not in (errors.StartError, errors.UpgradeError)
}


@pytest.mark.parametrize("reason", sorted(REASONS | ELSEWHERE | set(guard._TEXTS) | {"ok"}))
def test_every_reason_is_explained(reason: str) -> None:
    """
    The table has a row for each reason, with what to do.
    """
    assert f"   * - ``{reason}``\n" in MANUAL


def section(title: str) -> str:
    """
    Return a section of the manual.
    """
    return re.split(r"\n[^\n]+\n-----*\n", MANUAL.partition(f"\n{title}\n---")[2])[0]


@pytest.mark.parametrize("key", json.loads(as_json(finished())))
def test_every_key_of_json_is_explained(key: str) -> None:
    """
    The table of the access log names each.
    """
    assert f"``{key}``" in section("The access log")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_event_is_explained(kind: str) -> None:
    """
    The table of the event log has a row for each.
    """
    assert f"\n``{kind}``  " in section("The event log")

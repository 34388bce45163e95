"""
Changes of what FastCGI members are told.
"""

from __future__ import annotations

import pytest

from txbalancer.core.params import ParamEdit, param_edit, suffixes


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("APP_ENV prod", ParamEdit("APP_ENV", "prod")),
        ('GREETING "hello \\"you\\""', ParamEdit("GREETING", 'hello "you"')),
        ("EMPTY ''", ParamEdit("EMPTY", "")),
        ("WHO %{REMOTE_ADDR}s", ParamEdit("WHO", "%{REMOTE_ADDR}s")),
        ("!HTTP_ACCEPT", ParamEdit("HTTP_ACCEPT", None)),
    ],
)
def test_changes_are_read_and_written(text: str, found: ParamEdit) -> None:
    """
    What is written is read back as the same.
    """
    assert param_edit(text) == found
    assert param_edit(param_edit.show(found)) == found


@pytest.mark.parametrize("text", ["", "A", "A b c", "!A b", "A-B c", "1A b", "A %{NOPE}e", 'A "b'])
def test_bad_changes(text: str) -> None:
    """
    Anything else is refused.
    """
    with pytest.raises(ValueError, match=r"NAME|name|variable|quote"):
        param_edit(text)


def test_suffixes() -> None:
    """
    Ends of names are words without anything that a path could mean otherwise.
    """
    assert suffixes(".php, .phtml") == (".php", ".phtml")
    assert suffixes("") == ()
    with pytest.raises(ValueError, match="no end of a name"):
        suffixes("a/b")

"""
Regular expressions of a configuration.
"""

from __future__ import annotations

import pytest

from txbalancer.core.patterns import compile_pattern


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("^/x$", b"/x", True),
        ("^/x$", b"/x\n", False),
        ("^/x(/|$)", b"/x\n", False),
        ("^/x.*y$", b"/x\ny", True),
        (r"^/x\$", b"/x$", True),
        ("^/x[$]", b"/x$", True),
        ("^/x[]$]$", b"/x$", True),
        (r"^/x[\]$]$", b"/x$", True),
        ("(?#$)x$", b"x", True),
        ("(?im)^X$", b"x\ny", True),
        ("(?#[)^/x$", b"/x\n", False),
        (r"^/x\z", b"/x", True),
        ("^/(?<name>x)$", b"/x", True),
        ("^/[[:alpha:](]$|^/1", b"/(", True),
    ],
)
def test_the_end_is_the_very_end(pattern: str, text: bytes, found: bool) -> None:
    """
    As in Apache, a line break is a character like others, unless m asks for lines.
    """
    assert (compile_pattern(pattern).search(text) is not None) is found


@pytest.mark.parametrize("pattern", ["(", "[$", "a{99999999999}", "(" * 3000 + ")" * 3000, "$*"])
def test_what_is_no_expression(pattern: str) -> None:
    """
    The fault shows the expression as it was written.
    """
    with pytest.raises(ValueError, match="is not a regular expression") as told:
        compile_pattern(pattern)
    assert repr(pattern) in str(told.value)

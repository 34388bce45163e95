"""
What a refusal has to have.
"""

from __future__ import annotations


def check_reason(error: Exception) -> None:
    """
    See that a refusal says something to people, in characters that can be written.
    """
    text = str(error)
    if not text:
        raise AssertionError(f"refused without a reason: {error!r}")
    text.encode("utf-8", "backslashreplace")

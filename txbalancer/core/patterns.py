"""
Regular expressions of a configuration.
"""

from __future__ import annotations

import re
import warnings


def compile_pattern(text: str) -> re.Pattern[bytes]:
    """
    Compile an expression that is searched in paths or values of headers.

    A path may have an escaped line break: C{.} fits it too, as in Apache, so that no path slips
    by a rule that says C{.*}.

    @raise ValueError: saying what is wrong with it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return re.compile(text.encode(), re.DOTALL)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{text!r} is not a regular expression: {error}") from None

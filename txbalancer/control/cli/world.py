"""
What commands need of the world around them; tests hand in another one.
"""

from __future__ import annotations

import getpass
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console

UNBOUND = 10_000
"""Characters in a line of what is no terminal: rows stay whole for grep and awk."""


def make_console(**options: Any) -> Console:
    """
    Make a console for standard output that takes no text for more than text.

    @param options: as of C{rich}'s.
    """
    found = Console(highlight=False, markup=False, emoji=False, **options)
    if not found.is_terminal:
        found.width = UNBOUND
    return found


@dataclass(slots=True)
class World:
    """
    @ivar environ: environment variables.
    @ivar clock: seconds of a clock that only goes forward; C{wall}: since the epoch.
    @ivar sleep: waits for some seconds.
    @ivar console: where tables go. On a terminal it has that one's width and colours,
        unless C{NO_COLOR} is set.
    @ivar secret: asks for a password, given a prompt; C{None} where nobody can be asked.
    """

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    clock: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    console: Console = field(default_factory=make_console)
    secret: Callable[[str], str] | None = field(
        default_factory=lambda: getpass.getpass if sys.stdin.isatty() else None
    )

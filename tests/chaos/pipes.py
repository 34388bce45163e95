"""
A program that takes all large pipes that its user may have: C{python -m tests.chaos.pipes}.

The system gives each user only so many (C{fs.pipe-user-pages-soft}); of more than that a pipe
holds 8 KiB, which is too little to be of use. It ends with its standard input.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sys

SIZE = 1 << 20
LEAST = 1 << 16
MOST = 2000
"""Pipes that are tried at most."""

PRIVILEGES = "-sys_resource,-sys_admin"


def unprivileged() -> tuple[str, ...]:
    """
    Return a command that runs another such that this limit holds for it, which it does not for
    root; an empty one where it holds anyway, or nothing can be done.
    """
    if os.getuid() or not shutil.which("setpriv"):
        return ()
    return ("setpriv", f"--bounding-set={PRIVILEGES}")


def fault() -> str:
    """
    Say why all pipes cannot be taken here; empty if they can.
    """
    if not hasattr(os, "splice"):
        return "this system has no splice(2)"
    return "" if os.getuid() or unprivileged() else "needs setpriv of util-linux"


def take() -> bool:
    """
    Take pipes until the next one is small; tell whether it came to that.
    """
    for _ in range(MOST):
        _, writer = os.pipe()
        with contextlib.suppress(OSError):
            fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, SIZE)
        if fcntl.fcntl(writer, fcntl.F_GETPIPE_SZ) < LEAST:
            return True
    return False


if __name__ == "__main__":
    print("taken" if take() else "too many", flush=True)
    sys.stdin.read()

"""
A worker: a process that carries traffic, and does what its supervisor says.

Started as C{python -m txbalancer.services.worker COLUMN FOLDER SUPERVISOR}, the last its process,
with files from L{LINE<txbalancer.workers.child.LINE>} on.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
import sys

_IGNORED = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT, signal.SIGTERM)


def main() -> None:
    """
    Begin, with what does not wait for all that a worker needs.
    """
    # A terminal and systemd send these to all processes; the supervisor says what is to be done.
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    faulthandler.enable(2)
    os.set_blocking(2, False)
    gc.disable()
    # Only now: it takes most of the time of a start, and less without the collector.
    from txbalancer.services.post import work

    work(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))


if __name__ == "__main__":
    main()

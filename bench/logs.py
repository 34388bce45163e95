"""
What a line of the access log costs in each format: C{python -m bench.logs}.
"""

from __future__ import annotations

import time

from tests.control.records import FakeRequest, finished
from txbalancer.control.logformat import compile_format

FORMATS = {
    "common": "common",
    "combined": "combined",
    "json": "json",
    "a string of one's own": '%h %t "%r" %>s %b %D "%{User-agent}i"',
}
LINES = 200_000
AGENT = {b"referer": b"http://a.example/", b"user-agent": b"Mozilla/5.0 (X11; Linux x86_64)"}


def microseconds(text: str) -> float:
    """
    Return the CPU time of one line, of many requests of one client.
    """
    write, record = compile_format(text), finished(request=FakeRequest(headers=AGENT))
    begun = time.process_time()
    for _ in range(LINES):
        write(record)
    return (time.process_time() - begun) / LINES * 1e6


if __name__ == "__main__":
    for name, text in FORMATS.items():
        print(f"{name:24}{min(microseconds(text) for _ in range(3)):6.2f} µs")

"""
Lines of the access log in JSON, with what a key means that is not there.
"""

from __future__ import annotations

import json
from typing import Any

ALWAYS = {
    "time",
    "client",
    "listener",
    "method",
    "host",
    "target",
    "status",
    "reason",
    "balancer",
    "member",
    "attempts",
    "bytes_out",
    "duration",
}
"""Keys of every line."""

ABSENT: dict[str, Any] = {
    "client_port": 0,
    "through": "",
    "user": "",
    "tls": False,
    "version": "",
    "route": "",
    "session_name": "",
    "session_route": "",
    "route_changed": False,
    "reused": False,
    "limit": "",
    "bytes_in": 0,
    "queue": 0,
    "connect": 0,
    "first_byte": 0,
    "referer": "",
    "user_agent": "",
    "trace_id": "",
    "parent_id": "",
    "tried": [],
}
"""Keys that are there when they say something else."""


def read_line(line: str | bytes) -> dict[str, Any]:
    """
    Return every key of a line.
    """
    return {**ABSENT, **json.loads(line)}

"""
The name and port by which a client calls a service.
"""

from __future__ import annotations

from functools import lru_cache


@lru_cache(1024)
def name_and_port(host: bytes, secure: bool) -> tuple[bytes, int]:
    """
    Split a request's authority, without a port of its own the scheme's; C{[::1]} keeps its
    brackets.

    @param host: as of L{Request<txbalancer.core.request.Request>}; was checked.
    """
    name, colon, port = host.rpartition(b":")
    if not colon or port.endswith(b"]"):
        name, port = host, b""
    number = int(port or b"0")
    return name, number if 0 < number < 65536 else 443 if secure else 80

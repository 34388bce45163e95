"""
Calls of the API: done or refused with a problem that says why, and nothing becomes other where the
caller may only look.

The first line is method and path, the rest the body.
"""

from __future__ import annotations

import json
import re
import zlib

from tests.control.manager.boards import CONFIGURATION
from tests.fuzz.pipe import NoFailures
from txbalancer.config import loads
from txbalancer.core import snapshot
from txbalancer.core.state import read
from txbalancer.services.plugins import load_registry
from txbalancer.testing import MemoryRig

SEEDS = [
    b'PATCH /balancers/shop/members/a\n{"loadfactor": 2.5, "lbset": 1, "drain": true}',
    b'POST /balancers/shop/members\n{"url": "http://10.0.0.5/x", "route": "z"}',
    b"DELETE /balancers/shop/members/b\n",
    b'PATCH /balancers/shop\n{"lbmethod": "bytraffic", "stickysession": "A|b", "timeout": 5}',
    b"POST /balancers/shop/revert\n{}",
    b'POST /undo\n{"balancer": "shop"}',
    b"GET /balancers/two?fields=name\n",
    b"GET /limits\n",
    b"GET /openapi.json\n",
]
WORDS = [
    *b"PATCH /balancers/shop|POST |DELETE |PUT |GET |/members/|http%3A%2F%2F10.0.0.1".split(b"|"),
    *b'/revert|/undo|/events?|?since=|{"|": |, "|}|null|true|1e400|[]|-1|"5s"|""'.split(b"|"),
    *b'"status": "+D"|"temporary": |"loadfactor": |"hcexpr": |"hcuri": |"route": '.split(b"|"),
]
_REGISTRY = load_registry()
_SPEC = loads(CONFIGURATION, _REGISTRY).spec
_LOOKS = loads(
    CONFIGURATION.replace("to = manager:\n", "to = manager:\noperate = ip 10.0.0.0/8\n", 1),
    _REGISTRY,
).spec
_LINE = re.compile(rb"(GET|PUT|POST|PATCH|DELETE) (/[!-\"$-~]*)", re.DOTALL).fullmatch


def one(data: bytes) -> None:
    """
    Call, and see what became of the balancers.
    """
    first, _, body = data.partition(b"\n")
    line = _LINE(first)
    if line is None or line[2].startswith((b"/events", b"/log")):
        return
    method, path = line[1], line[2]
    rig = MemoryRig(_SPEC, _REGISTRY)
    _call(rig, method, path, body)
    for state in _states(rig):
        read(json.loads(json.dumps(state, allow_nan=False)))
    if zlib.crc32(data) % 4 == 0:
        rig = MemoryRig(_LOOKS, _REGISTRY)
        before = _states(rig)
        status = _call(rig, method, path, body)
        assert method == b"GET" or status >= 400, status
        assert _states(rig) == before, "changed by somebody who may only look"


def _states(rig: MemoryRig) -> list[object]:
    return [snapshot.export(rig.balancer(name), 0.0) for name in rig.targets.steering.names()]


def _call(rig: MemoryRig, method: bytes, path: bytes, body: bytes) -> int:
    with NoFailures():
        client = rig.client()
        client.send(
            b"%b /bm/api/v1%b HTTP/1.1\r\nHost: lb.test\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (method, path, len(body), body)
        )
        rig.advance(0)
        head, _, told = client.taken().partition(b"\r\n\r\n")
        client.reset()
    status = int(head[9:12] or b"0")
    assert status == 0 or 200 <= status < 500 or status == 503, f"status {status}"
    if status >= 400 and b"application/problem+json" in head:
        assert json.loads(told)["detail"]
    elif told and b"application/json" in head:
        json.loads(told)
    return status

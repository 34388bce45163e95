"""
State files: refused or put back as far as they fit, and then written so that the same is read; what
is written is read as it was or, when a byte is another, refused.
"""

from __future__ import annotations

import json
import zlib
from random import Random
from typing import Any

from tests.fuzz import sandbox
from tests.fuzz.reasons import check_reason
from txbalancer.config import loads
from txbalancer.control.state import decode, encode
from txbalancer.core import flags, snapshot
from txbalancer.core.commands import AddMember, SetBalancer, SetMember
from txbalancer.core.performing import apply
from txbalancer.core.specs import MemberSpec, StickyNames
from txbalancer.core.state import read
from txbalancer.services.plugins import load_registry
from txbalancer.services.restoring import put_back, told
from txbalancer.testing import MemoryRig

_CONFIG = """
[listener:web]
endpoint = tcp:80
[balancer:shop]
growth = 3
members =
    http://a:1
    http://b:1 hcmethod=get status=+H
[mount:/]
to = balancer://shop/
"""
_REGISTRY = load_registry()
_SPEC = loads(_CONFIG, _REGISTRY).spec


def _fresh() -> MemoryRig:
    return MemoryRig(_SPEC, _REGISTRY)


def _state(balancer: Any) -> Any:
    return {"written": 1.0, "balancers": {"shop": {**snapshot.export(balancer, 0.0), "nonce": "n"}}}


def _changed() -> bytes:
    made = _fresh().balancer()
    apply(made, SetMember("shop", "http://a:1", loadfactor=200, lasting=9.0, on=flags.DRAIN), 0.0)
    added = MemberSpec(url="http://c:1", scheme="http", host="c", port=1, route="r")
    apply(made, AddMember("shop", added), 0.0)
    apply(made, SetBalancer("shop", stickysession=StickyNames("A", "b"), timeout=3.0), 0.0)
    return json.dumps(_state(made)).encode()


SEEDS = [
    _changed(),
    json.dumps(_state(_fresh().balancer())).encode(),
    encode({"balancers": {}, "written": 1.0}),
    b'{"schema": 2, "sha256": "", "state": []}',
    b"[" * 50,
]
WORDS = [
    *b"null|true|-1|1e308|1e999|NaN|[]".split(b"|"),
    *b'{}|""|"+D"|"added": |"passing": [1.0, "2", null]|'.split(b"|"),
    *b'"options": [["loadfactor", "1", "2"]]|"removed": ["a"]'.split(b"|"),
    *b'"members": {|9223372036854775808'.split(b"|"),
    *b'"lbmethod": "hash"|"hcexpr"|"sslcertificate"|"http://d:1"|"written": |Infinity'.split(b"|"),
]


def _check_file(state: Any, data: bytes) -> None:
    """
    See that a file with that state is read as it was written, whole or not at all.
    """
    try:
        written = encode(state)
    except (ValueError, RecursionError):  # NaN is never written
        return
    read = decode(written)
    assert encode(read) == written
    assert repr(read) == repr(state)
    random = Random(zlib.crc32(data))
    place, bit = random.randrange(len(written)), 1 << random.randrange(8)
    spoilt = bytearray(written)
    spoilt[place] ^= bit
    for other in (bytes(spoilt), written[:place], written[:place] + written[place + 1 :]):
        try:
            found = decode(other)
        except ValueError as error:
            check_reason(error)
        else:
            assert repr(found) == repr(read), "a damaged file is read as something else"


def one(data: bytes) -> None:
    """
    Read it as a file, and as the state in one, which is put back.
    """
    try:
        decode(data)
    except ValueError as error:
        check_reason(error)
    try:
        state = json.loads(data)
    except (ValueError, RecursionError):
        return
    _check_file(state, data)
    with sandbox.shut():
        rig = _fresh()
        assert all(isinstance(each, str) for each in put_back(rig.targets.steering, state))
        assert all(isinstance(each, str) for each in told(rig.targets.steering))
    made = rig.balancer()
    written = json.loads(json.dumps(snapshot.export(made, 0.0), allow_nan=False))
    two = _fresh().balancer()
    snapshot.restore(two, read(written), 0.0)
    assert snapshot.export(two, 0.0) == written, "what is written is not what was read"
    elected = made.elect(0.0)
    if elected is not None:
        made.release(elected)

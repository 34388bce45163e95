"""
Forms of the balancer-manager: done or refused with a reason, and the page is whole either way;
without the nonce nothing is done.
"""

from __future__ import annotations

import json
import re
import zlib
from contextlib import suppress
from urllib.parse import quote_from_bytes

from tests.control.manager.boards import CONFIGURATION, HERE, Table
from tests.fuzz.pipe import NoFailures
from txbalancer.config import loads
from txbalancer.control.manager.asking import read_form
from txbalancer.control.manager.orders import find_member, read_orders
from txbalancer.core import snapshot
from txbalancer.core.balancer import Balancer
from txbalancer.core.state import read
from txbalancer.services.plugins import load_registry
from txbalancer.testing import MemoryRig

SEEDS = [
    b"w=http://10.0.0.1&w_lf=2.5&w_wr=r&w_rr=&w_ls=3&w_status_D=1",
    b"b_nwrkr=http%3A%2F%2F10.0.0.5%2Fx+route%3Dz&b_wyes=1",
    b"b_lbm=bytraffic&b_tmo=5&b_max=3&b_ss=A%7Cb&b_sforce=1",
    b"w=http://10.0.0.1&w_hm=GET&w_hi=500&w_hu=/up&w_he=ok2&w_hp=2&w_hf=3",
    b"w=http://10.0.0.1&w_lf=5&w_lasting=10",
    b"w=http://10.0.0.10:8080/app&w_remove=1&w_ryes=1",
    b"w=http://10.0.0.1&w_enable=1&w_clear=1",
    b"b_undo=last",
    b"b_revert=1",
    b"w=http://10.0.0.1&w_revert=1&xml=1",
]
WORDS = [
    *b"w_lf=|w_ls=|w_wr=|w_rr=|w_hm=|w_hi=".split(b"|"),
    *b"w_hp=|w_hf=|w_hu=|w_he=|w_lasting=|w_status_".split(b"|"),
    *b"w_remove=1|w_ryes=1|w_revert=1|w_enable=1|w_clear=1".split(b"|"),
    *b"w_probe=1|b_undo=|b_lbm=|b_tmo=".split(b"|"),
    *b"b_max=|b_ss=|b_sforce=|b_revert=1|b_nwrkr=|b_wyes=1|w=".split(b"|"),
    *b"b=two|b=shop|&|%3C|%22|%C3%A4".split(b"|"),
    *b"http://|https://|ajp://|unix:/a|h2c://|+loadfactor%3D".split(b"|"),
    *b"+status%3D%2BH|xml=1|live=1|login=1|%0a".split(b"|"),
]
_REGISTRY = load_registry()
_SPEC = loads(CONFIGURATION, _REGISTRY).spec
_STATUSES = {200, 303, 400, 401, 403, 413, 429}
_NONCE = re.compile(rb'b=shop&amp;nonce=([^"&]+)')


def _send(rig: MemoryRig, body: bytes | None, query: bytes = b"") -> tuple[int, bytes]:
    client = rig.client()
    lines = b"Host: lb.test\r\nReferer: " + HERE.encode() + b"\r\n"
    if body is None:
        client.send(b"GET /bm%b HTTP/1.1\r\n" % query + lines + b"\r\n")
    else:
        lines += b"Content-Type: application/x-www-form-urlencoded\r\n"
        client.send(
            b"POST /bm HTTP/1.1\r\n%bContent-Length: %d\r\n\r\n%b" % (lines, len(body), body)
        )
    rig.advance(0)
    answer = client.taken()
    client.reset()
    head, _, page = answer.partition(b"\r\n\r\n")
    return int(head[9:12] or b"0"), page if b"text/html" in head.lower() else b""


def one(data: bytes) -> None:
    """
    Carry out what a form says, see what became of the balancer, and now and then of the page.
    """
    rig = MemoryRig(_SPEC, _REGISTRY)
    with suppress(ValueError):
        _carry_out(rig, read_form(data))
    _check(rig.balancer())
    chance = zlib.crc32(data) % 16
    if chance == 0:
        _send_form(data)
    elif chance == 1:
        _send_without_nonce(data)


def _carry_out(rig: MemoryRig, fields: dict[str, str]) -> None:
    board, balancer = rig.targets.steering, rig.balancer()
    member = find_member(balancer, fields["w"]) if "w" in fields else None
    if fields.get("b_undo") == "last":
        with suppress(LookupError, ValueError):
            board.undo("somebody", "shop")
    orders = read_orders(board, balancer, member, fields)
    assert all(orders.faults)
    if not orders.faults:
        for command in orders.commands:
            with suppress(LookupError, ValueError):
                board.apply(command, "somebody")


def _check(balancer: Balancer) -> None:
    """
    See that the state can be kept and read, and that the balancer goes on electing.
    """
    written = snapshot.export(balancer, 0.0)
    read(json.loads(json.dumps(written, allow_nan=False)))
    elected = balancer.elect(0.0)
    if elected is not None:
        balancer.release(elected)


def _send_without_nonce(data: bytes) -> None:
    """
    Send a form, and the same as a link, that does not know the nonce: nothing becomes other.
    """
    rig = MemoryRig(_SPEC, _REGISTRY)
    before = _states(rig)
    with NoFailures():
        for form in (data, b"b=shop&nonce=&" + data, b"b=shop&nonce=x&" + data):
            _send(rig, form)
            _send(rig, None, b"?" + quote_from_bytes(form, "=&%+").encode())
    assert _states(rig) == before, "changed without the nonce"


def _states(rig: MemoryRig) -> list[object]:
    steering = rig.targets.steering
    return [snapshot.export(steering.balancer(name), 0.0) for name in steering.names()]


def _send_form(data: bytes) -> None:
    """
    Send a form, twice: it is answered, and the page is whole.
    """
    rig = MemoryRig(_SPEC, _REGISTRY)
    nonce = _NONCE.search(_send(rig, None)[1])
    assert nonce is not None
    with NoFailures():
        for _ in range(2):
            status, page = _send(rig, b"b=shop&nonce=" + nonce[1] + b"&" + data)
            if not status and (b"live" in data or b"w_probe" in data):
                continue  # that is answered later
            assert status in _STATUSES, f"status {status}"
            if page:
                Table(page.decode())
    for name in ("shop", "two"):
        _check(rig.balancer(name))

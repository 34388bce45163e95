"""
Answers of name servers: refused with a reason, or members at the addresses and names in them, with
no other options than those that records give.

The first byte chooses what is asked for, the rest is a message as Twisted reads it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.names import dns

from tests.fuzz import discovered
from tests.fuzz.reasons import check_reason
from txbalancer.core.discovery import Answer
from txbalancer.core.specs import MemberSpec, SourceSpec
from txbalancer.discovery.dns import DNSFactory
from txbalancer.discovery.lookups import LookupFailed
from txbalancer.discovery.srv import SRVFactory


def _message(*answers: Any, along: tuple[Any, ...] = ()) -> bytes:
    made = dns.Message(1, answer=1)
    made.answers = [dns.RRHeader(b"a.test", each.TYPE, dns.IN, 60, each) for each in answers]
    made.additional = [dns.RRHeader(b"b.test", each.TYPE, dns.IN, 9, each) for each in along]
    data: bytes = made.toStr()
    return data


_SRV = dns.Record_SRV(1, 5, 81, b"b.test"), dns.Record_SRV(0, 65535, 82, b"C.test.")
SEEDS = [
    b"A" + _message(dns.Record_A("10.0.0.1"), dns.Record_AAAA("2001:db8::1")),
    b"a" + _message(dns.Record_CNAME(b"c.test"), dns.Record_A("10.0.0.1")),
    b"S" + _message(*_SRV, along=(dns.Record_A("10.0.0.2"), dns.Record_AAAA("::1"))),
    b"s" + _message(*_SRV, dns.Record_A("10.0.0.1")),
    b"S" + _message(dns.Record_SRV(0, 0, 0, b"")),
    b"A" + _message(),
]
WORDS = [b"\xc0\x0c", b"\x00\x01\x00\x01", b"\x00\x1c\x00\x01", b"\x00\x21\x00\x01", b"\x01b\x00"]
_PLACES = {
    b"A": "dns+http://a.test:81/x",
    b"a": "dns+https://a.test",
    b"S": "srv+http://_a._tcp.test/x",
    b"s": "srv+https://_a._tcp.test",
}
_IN_NAMES = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")
_GIVEN = ("url", "scheme", "host", "port", "path", "sni", "lbset", "loadfactor")


class _Same:
    """
    A name server that answers every question alike.
    """

    def __init__(self, message: Any) -> None:
        self._message = message

    def query(self, query: Any) -> Deferred[Any]:
        """
        Answer.
        """
        found = self._message
        return succeed((found.answers, found.authority, found.additional))

    def close(self) -> None:
        """
        Part of what a source asks.
        """


def one(data: bytes) -> None:
    """
    Have a source take the message for an answer, and make the members.
    """
    message = dns.Message()
    try:
        message.fromStr(data[1:])
    except Exception:  # Twisted's resolver passes nothing on then
        return
    place = _PLACES.get(data[:1], _PLACES[b"S"])
    found = _ask(place, message)
    if isinstance(found, Exception):
        assert isinstance(found, LookupFailed), repr(found)
        check_reason(found)
        return
    plain = MemberSpec("")
    members = discovered.check(found)
    for each in members:
        given = {name: getattr(each, name) for name in _GIVEN}
        assert each == replace(plain, **given), "an answer sets other options"
        assert place.startswith(f"{place[:3]}+{each.scheme}://")
        assert not set(each.sni) - _IN_NAMES


def _ask(place: str, message: Any) -> Answer | Exception:
    factory = (DNSFactory if place[:3] == "dns" else SRVFactory)(lambda *_: _Same(message))
    spec = SourceSpec(place, place[:3], MemberSpec("", factory.check(place)))
    found: list[Any] = []
    factory(spec, None).find().addCallbacks(found.append, lambda reason: found.append(reason.value))
    (result,) = found
    return result  # type: ignore[no-any-return]

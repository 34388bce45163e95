"""
Members that SRV records name.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.names import dns, error

from tests.discovery.names import Names, found, header, source
from txbalancer.discovery.lookups import LookupFailed
from txbalancer.discovery.srv import SRVFactory, shares

NAME = "_http._tcp.shop.internal"
PLACE = f"srv+http://{NAME}"


@pytest.fixture
def names() -> Names:
    """
    Return a name server that knows two targets.
    """
    names = Names()
    names.put("a.internal", dns.Record_A("10.0.0.1"), ttl=50)
    names.put("b.internal", dns.Record_A("10.0.0.2"), dns.Record_A("10.0.0.3"))
    return names


def shop(names: Names, place: str = PLACE, **options):
    """
    Make a source that asks it.
    """
    return source(SRVFactory(names.make), place, **options)


def test_priorities_and_weights(names: Names) -> None:
    """
    Priorities become lbsets in their order, weights load factors; each address of a target
    is a member.
    """
    names.put(
        NAME,
        dns.Record_SRV(20, 0, 81, "b.internal"),
        dns.Record_SRV(10, 60, 80, "A.internal"),
        ttl=70,
    )
    answer = found(shop(names, f"{PLACE}/app"))
    assert answer.lines == (
        "http://10.0.0.1:80/app lbset=0 loadfactor=60",
        "http://10.0.0.2:81/app lbset=1 loadfactor=1",
        "http://10.0.0.3:81/app lbset=1 loadfactor=1",
    )
    assert answer.ttl == 50


def test_addresses_that_come_along_are_not_asked_for(names: Names) -> None:
    """
    Records of the additional section save questions.
    """
    names.put(NAME, dns.Record_SRV(0, 0, 80, "a.internal"))
    names.along = [header("a.internal", dns.Record_A("10.0.0.9"), 7), header("x", dns.Record_MX())]
    answer = found(shop(names))
    assert answer.lines == ("http://10.0.0.9:80 lbset=0 loadfactor=1",)
    assert answer.ttl == 7
    assert names.asked == [(NAME, dns.SRV)]


def test_certificates_are_for_the_target(names: Names) -> None:
    """
    Members under TLS are asked for the name of their target.
    """
    names.put(NAME, dns.Record_SRV(0, 0, 443, "a.internal"))
    (line,) = found(shop(names, f"srv+https://{NAME}")).lines
    assert line == "https://10.0.0.1:443 sni=a.internal lbset=0 loadfactor=1"


def test_any_scheme_takes_the_port_of_the_record(names: Names) -> None:
    """
    Schemes without a port of their own need none here.
    """
    names.put(NAME, dns.Record_SRV(0, 0, 5432, "a.internal"))
    (line,) = found(shop(names, f"srv+tcp://{NAME}")).lines
    assert line.startswith("tcp://10.0.0.1:5432 ")


def test_a_service_that_is_said_not_to_be_there(names: Names) -> None:
    """
    A lone target of "." is an answer without members (RFC 2782).
    """
    names.put(NAME, dns.Record_SRV(0, 0, 0, b""))
    answer = found(shop(names))
    assert answer.lines == ()
    assert answer.note == "the service is said not to be there (SRV .)"


def test_a_target_that_is_not_there_is_told(names: Names) -> None:
    """
    Other targets count all the same.
    """
    names.put(
        NAME, dns.Record_SRV(0, 0, 80, "a.internal"), dns.Record_SRV(0, 0, 80, "nowhere.internal")
    )
    answer = found(shop(names))
    assert len(answer.lines) == 1
    assert "nowhere.internal" in answer.note


@pytest.mark.parametrize("target", [b"a status=+d", b"a\xff.internal", b"a'b", b"a..b"])
def test_a_target_that_is_no_host_name(names: Names, target: bytes) -> None:
    """
    It is refused, for nothing in a name may be taken for an option of the member.
    """
    names.put(NAME, dns.Record_SRV(0, 0, 80, target))
    names.put(target.decode("latin-1"), dns.Record_A("10.0.0.1"))
    with pytest.raises(LookupFailed, match=r"_http\._tcp\..*: the target '?.* is no host name"):
        found(shop(names, f"srv+https://{NAME}"))


def test_that_nobody_knows_a_target_is_a_failure(names: Names) -> None:
    """
    Without the addresses of one target the answer would lack a member: it counts as none.
    """
    names.put(NAME, dns.Record_SRV(0, 0, 80, "a.internal"), dns.Record_SRV(0, 0, 80, "b.internal"))
    asking = shop(names, family="ipv4")
    assert len(found(asking).lines) == 3
    names.answers["b.internal", dns.A] = error.DNSServerError()
    with pytest.raises(LookupFailed, match=r"^b\.internal: .*SERVFAIL"):
        found(asking)


def test_no_more_targets_than_most(names: Names) -> None:
    """
    A long answer asks for the addresses of the first targets only.
    """
    names.put(NAME, *(dns.Record_SRV(0, 0, port, "a.internal") for port in range(1, 20)))
    assert len(found(shop(names, most=5)).lines) == 5


@given(st.lists(st.integers(0, 65535), min_size=1))
def test_weights_fit_and_keep_their_order(weights: list[int]) -> None:
    """
    Any weights become load factors from 1 to 100, in the same order.
    """
    found = shares(weights)
    assert all(1 <= each <= 100 for each in found.values())
    ordered = [found[each] for each in sorted(found)]
    assert ordered == sorted(ordered)
    if max(weights) <= 100:
        assert found == {each: max(1, each) for each in weights}


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("srv:x", r"must be srv\+http://_SERVICE"),
        ("srv+http://_http._tcp.shop.internal:80", "has a port: SRV records name those"),
        ("srv+gopher://x.test", "gopher:// is not known"),
        ("srv+http://x.test/?a", "has a query"),
    ],
)
def test_places_that_cannot_be(place: str, text: str) -> None:
    """
    What is wrong with a place is told without asking anybody.
    """
    with pytest.raises(ValueError, match=text):
        SRVFactory().check(place)

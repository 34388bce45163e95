"""
Members at the addresses of a name.
"""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.names import dns, error

from tests.discovery.names import Names, found, header, source
from txbalancer.discovery.dns import DNSFactory
from txbalancer.discovery.lookups import LookupFailed

NAME = "shop.internal"
A1, A2 = dns.Record_A("10.0.0.1"), dns.Record_A("10.0.0.2")
AAAA = dns.Record_AAAA("2001:db8::1")


@pytest.fixture
def names() -> Names:
    """
    Return a name server that knows nothing yet.
    """
    return Names()


def shop(names: Names, place: str = "dns+http://shop.internal:8080", **options):
    """
    Make a source that asks it.
    """
    return source(DNSFactory(names.make), place, **options)


def test_addresses_of_both_families(names: Names) -> None:
    """
    There is a member at each address, in a fixed order, for the shortest of all TTLs.
    """
    names.put(NAME, A2, A1, ttl=300)
    names.put(NAME, AAAA, ttl=20)
    answer = found(shop(names, "dns+http://shop.internal:8080/app"))
    assert answer.lines == (
        "http://10.0.0.1:8080/app",
        "http://10.0.0.2:8080/app",
        "http://[2001:db8::1]:8080/app",
    )
    assert answer.ttl == 20


@pytest.mark.parametrize(
    ("family", "asked"),
    [("any", [dns.A, dns.AAAA]), ("ipv4", [dns.A]), ("ipv6", [dns.AAAA])],
)
def test_families(names: Names, family: str, asked: list[int]) -> None:
    """
    family says which records are asked for.
    """
    names.put(NAME, A1)
    names.put(NAME, AAAA)
    found(shop(names, family=family, resolver=("192.0.2.53:53",)))
    assert [kind for _, kind in names.asked] == asked
    assert names.servers == ("192.0.2.53:53",)


def test_aliases_count_for_the_ttl(names: Names) -> None:
    """
    Addresses come after aliases, whose TTL may be shorter.
    """
    names.put(NAME, A1, ttl=300)
    alias = header(NAME, dns.Record_CNAME("other.internal"), 5)
    names.query = lambda query, ask=names.query: ask(query).addCallback(
        lambda answer: ([alias, *answer[0]], *answer[1:]) if answer[0] else answer
    )
    answer = found(shop(names))
    assert (answer.lines, answer.ttl) == (("http://10.0.0.1:8080",), 5)


def test_certificates_are_for_the_name(names: Names) -> None:
    """
    Members under TLS are asked for the name, unless the line gives another one.
    """
    names.put(NAME, A1)
    assert found(shop(names, "dns+https://shop.internal")).lines == (
        "https://10.0.0.1:443 sni=shop.internal",
    )
    assert found(shop(names, "dns+https://shop.internal", sni="x.test")).lines == (
        "https://10.0.0.1:443",
    )


def test_no_such_name_is_an_answer(names: Names) -> None:
    """
    That there is nothing is no failure of the look, and says what there is not.
    """
    answer = found(shop(names))
    assert answer.lines == ()
    assert answer.note == "there is no name shop.internal (NXDOMAIN)"
    names.put(NAME, dns.Record_MX())
    assert found(shop(names)).note == "shop.internal has no A record"


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (error.DNSServerError(), "SERVFAIL"),
        (error.DNSQueryRefusedError(), "REFUSED"),
        (error.DNSNotImplementedError(), "NOTIMP"),
        (error.DNSFormatError(), "FORMERR"),
        (error.DNSQueryTimeoutError(7), "no name server answers in time"),
        (DeferredTimeout(), "no name server answers in time"),
        (OSError("no way"), "no way"),
    ],
)
def test_that_nobody_knows_is_a_failure(names: Names, fault: Exception, text: str) -> None:
    """
    Trouble of the name server is told in words, with the name.
    """
    names.answers[NAME, dns.A] = names.answers[NAME, dns.AAAA] = fault
    with pytest.raises(LookupFailed, match=f"^shop.internal: .*{text}"):
        found(shop(names))


def test_one_family_keeps_its_last_good_answer(names: Names) -> None:
    """
    While AAAA fails its last addresses count beside those of A; without any A's count alone.
    """
    names.put(NAME, A1)
    names.answers[NAME, dns.AAAA] = error.DNSServerError()
    asking = shop(names)
    assert found(asking).lines == ("http://10.0.0.1:8080",)
    names.put(NAME, AAAA)
    assert len(found(asking).lines) == 2
    names.answers[NAME, dns.AAAA] = error.DNSServerError()
    names.put(NAME, A2)
    assert found(asking).lines == ("http://10.0.0.2:8080", "http://[2001:db8::1]:8080")


def test_half_a_no_is_no_answer(names: Names) -> None:
    """
    That there is no A says nothing while nobody knows of AAAA.
    """
    names.answers[NAME, dns.AAAA] = error.DNSServerError()
    with pytest.raises(LookupFailed, match="SERVFAIL"):
        found(shop(names))


def test_a_question_can_be_given_up(names: Names) -> None:
    """
    Cancelling a look ends it, and closing the source ends the resolver.
    """
    names.answers[NAME, dns.A] = Deferred()
    asking = shop(names)
    looking = asking.find()
    failures: list[object] = []
    looking.addErrback(failures.append)
    looking.cancel()
    assert len(failures) == 1
    asking.close()
    assert names.closed


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("dns:shop.internal", r"must be dns\+http://NAME"),
        ("dns+gopher://shop.internal", "gopher:// is not known"),
        ("dns+tcp://shop.internal", "the port is missing"),
        ("dns+http://10.0.0.1", "is an address, not a name: give it in `members`"),
        ("dns+http://[::1]:80", "is an address, not a name"),
        ("dns+unix:/run/x|http://localhost", "a unix socket has no name"),
        ("dns+http://shop..internal", "is not a host name"),
    ],
)
def test_places_that_cannot_be(place: str, text: str) -> None:
    """
    What is wrong with a place is told without asking anybody.
    """
    with pytest.raises(ValueError, match=text):
        DNSFactory().check(place)

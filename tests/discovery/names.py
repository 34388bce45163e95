"""
A name server in memory.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.names import dns, error

from txbalancer.core.specs import MemberSpec, SourceSpec

Key = tuple[str, int]


class Names:
    """
    Answers questions from memory; C{reactor} and C{servers} are what it was made with.

    @ivar answers: (name, type) -> (TTL, records), or an exception. What is not there does not
        exist.
    @ivar along: records that come along with each answer.
    @ivar asked: the questions so far.
    """

    def __init__(self) -> None:
        self.answers: dict[Key, Any] = {}
        self.along: list[dns.RRHeader] = []
        self.asked: list[Key] = []
        self.servers: tuple[str, ...] = ()
        self.closed = False

    def make(self, servers: tuple[str, ...], reactor: Any) -> Names:
        """
        Be the resolver of a source.
        """
        self.servers = servers
        return self

    def put(self, name: str, *records: Any, ttl: int = 60) -> None:
        """
        Let a name have records of one type, and no others of it.
        """
        self.answers[name, records[0].TYPE] = (ttl, records)

    def query(self, query: dns.Query) -> Deferred[Any]:
        """
        Answer.
        """
        name, kind = query.name.name.decode(), query.type
        self.asked.append((name, kind))
        found = self.answers.get((name, kind))
        if isinstance(found, Deferred):
            return found
        if isinstance(found, Exception):
            return fail(found)
        if found is None and not any(key[0] == name for key in self.answers):
            return fail(error.DNSNameError())
        ttl, records = found or (0, ())
        headers = [header(name, each, ttl) for each in records]
        return succeed((headers, [], list(self.along)))

    def close(self) -> None:
        """
        Note that nobody asks any more.
        """
        self.closed = True


def header(name: str, record: Any, ttl: int = 60) -> dns.RRHeader:
    """
    Make what is around a record.
    """
    return dns.RRHeader(name, record.TYPE, dns.IN, ttl, record)


def source(factory: Any, place: str, **options: Any) -> Any:
    """
    Make a source.
    """
    kind = place.partition("+")[0]
    member = MemberSpec("", factory.check(place), sni=options.pop("sni", ""))
    return factory(SourceSpec(place, kind, member, **options), None)


def found(source: Any) -> Any:
    """
    Return what a source finds at once; raises what it fails with.
    """
    results: list[Any] = []
    source.find().addBoth(results.append)
    (result,) = results
    if hasattr(result, "raiseException"):
        result.raiseException()
    return result

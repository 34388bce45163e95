"""
A third party's distribution: one plugin for each extension point.
"""

from twisted.internet.defer import succeed
from twisted.plugin import IPlugin
from twisted.web.static import Data
from zope.interface import implementer

from txbalancer.core.discovery import Answer
from txbalancer.core.health import ProbeResult
from txbalancer.interfaces import (
    ILBMethod,
    ILBMethodFactory,
    IMemberSource,
    IMemberSourceFactory,
    IMountable,
    IProbe,
    IStickyScheme,
    IStickySchemeFactory,
)


@implementer(ILBMethod)
class First:
    """
    Everything goes to the first member that is fit for it.
    """

    def build(self, members, ledger, random):
        self.member, self.ledger = members[0], ledger

    def choose(self, request):
        self.ledger.charge_election(self.member)
        return self.member

    def released(self, member):
        pass

    def reset(self, members):
        pass


@implementer(IPlugin, ILBMethodFactory)
class FirstFactory:
    """
    For C{lbmethod = first}.
    """

    name = "first"
    needs = frozenset()

    def __call__(self, spec):
        return First()


@implementer(IStickyScheme)
class ByHeader:
    """
    The client says itself which route it wants, in a header.
    """

    def find(self, request, known):
        wanted = request.header(b"x-route")
        return None if wanted is None else (b"x-route", wanted)

    def labels(self, member):
        return (member.route,)

    def remember(self, request, found, member):
        return b"X-Route: " + member.route


@implementer(IPlugin, IStickySchemeFactory)
class ByHeaderFactory:
    """
    For C{stickyscheme = header}.
    """

    name = "header"

    def __call__(self, spec, secret):
        return ByHeader()


@implementer(IPlugin, IProbe)
class Assumed:
    """
    For C{hcmethod = assumed}: every member is well.
    """

    name = "assumed"

    def probe(self, reactor, member):
        return succeed(ProbeResult(True, "assumed"))


@implementer(IPlugin, IMountable)
class Greeting:
    """
    For C{to = resource:greeting}.
    """

    name = "greeting"

    def make_resource(self):
        return Data(b"hello", "text/plain")


@implementer(IMemberSource)
class Fixed:
    """
    Always the same member.
    """

    def find(self):
        return succeed(Answer(("http://10.0.0.9",)))

    def close(self):
        pass


@implementer(IPlugin, IMemberSourceFactory)
class FixedFactory:
    """
    For C{discover = fixed:}.
    """

    name = "fixed"
    interval = 60.0
    takes = frozenset()

    def check(self, place):
        return "http"

    def __call__(self, spec, reactor):
        return Fixed()


first = FirstFactory()
by_header = ByHeaderFactory()
assumed = Assumed()
greeting = Greeting()
fixed = FixedFactory()

"""
Every extension point of the balancer, and nothing else.

A built-in implementation is a file in the folder that its interface names; a
third-party one is a Twisted plugin: an object in C{txbalancer.plugins} that
provides L{IPlugin<twisted.plugin.IPlugin>} and the factory interface.
"""

from __future__ import annotations

from zope.interface import Attribute, Interface


class ILBMethod(Interface):
    """
    Ranks the members that are up for election. It never judges who may be elected.
    """

    def build(members, ledger, random):  # type: ignore[no-untyped-def]
        """
        Take a new field of candidates; called when the field changes, not per request.

        @param members: usable L{Member<txbalancer.core.member.Member>}s in declaration
            order, at least one.
        @param ledger: the balancer's L{Ledger<txbalancer.core.ledger.Ledger>}, which
            keeps every member's lbstatus.
        @param random: a C{random.Random}, for methods that draw lots.
        """

    def choose(request):  # type: ignore[no-untyped-def]
        """
        Choose one of the built members and charge it for the election.

        @param request: what the client asks, see
            L{Request<txbalancer.core.request.Request>}; C{None} where there is none.
        @return: the member.
        """

    def released(member):  # type: ignore[no-untyped-def]
        """
        Note that a member's C{busy} went down, or its byte counters moved.
        """

    def reset(members):  # type: ignore[no-untyped-def]
        """
        Clear what the method keeps on members, as on a change of lbmethod (APACHE A17).
        """


class ILBMethodFactory(Interface):
    """
    Makes an L{ILBMethod} for one balancer. Built-in: C{txbalancer/core/lbmethods/}.
    """

    name = Attribute("The word for C{lbmethod =}, lower case.")
    needs = Attribute("A frozenset of what must be there, such as C{'http'}.")

    def __call__(spec):  # type: ignore[no-untyped-def]
        """
        Make the method for a balancer.

        @param spec: its L{BalancerSpec<txbalancer.core.specs.BalancerSpec>}.
        """


class IStickyScheme(Interface):
    """
    Reads which member a client's session belongs to, and may tell the client.
    """

    def find(request):  # type: ignore[no-untyped-def]
        """
        Look for a session in a request.

        @return: a pair (name that matched, route) of C{bytes}, or C{None} for no session.
        """

    def remember(request, found, member):  # type: ignore[no-untyped-def]
        """
        Return the header line that ties the client to this member, or C{None}.

        @param found: what L{find} returned for the request.
        @param member: the member that answers.
        """


class IStickySchemeFactory(Interface):
    """
    Makes an L{IStickyScheme} for one balancer. Built-in: C{txbalancer/core/stickiness/}.
    """

    name = Attribute("The word for C{stickyscheme =}, lower case.")

    def __call__(spec):  # type: ignore[no-untyped-def]
        """
        Make the scheme for a balancer, or return C{None} when its spec does not ask for it.
        """


class IProbe(Interface):
    """
    One way of asking a member whether it is well. Built-in: C{txbalancer/probes/}.
    """

    name = Attribute("The word for C{hcmethod =}, lower case.")

    def probe(reactor, member):  # type: ignore[no-untyped-def]
        """
        Ask once; bounded by the caller in time.

        @param member: the L{MemberSpec<txbalancer.core.specs.MemberSpec>} to ask.
        @return: a Deferred that fires with a L{ProbeResult<txbalancer.core.health.ProbeResult>};
            a failure counts as a failed check.
        """


class IMountable(Interface):
    """
    A Twisted web resource that a mount can name: C{to = resource:NAME}.
    """

    name = Attribute("The word after C{resource:}, lower case.")

    def make_resource():  # type: ignore[no-untyped-def]
        """
        Return an L{IResource<twisted.web.resource.IResource>}.
        """

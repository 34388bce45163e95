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

        @param members: usable L{Member<txbalancer.core.member.Member>}s, at least one, in
            the order of comparison, in which ties are settled.
        @param ledger: the balancer's L{Ledger<txbalancer.core.ledger.Ledger>}, which
            keeps every member's lbstatus.
        @param random: a C{random.Random}, for methods that draw lots.
        """

    def choose(request):  # type: ignore[no-untyped-def]
        """
        Choose one of the built members; where lbstatus is used, charge it in the ledger.

        @param request: what the client asks, see
            L{Request<txbalancer.core.request.Request>}; C{None} where there is none.
        @return: the member, or C{None} when none of them can take it after all.
        """

    def released(member):  # type: ignore[no-untyped-def]
        """
        Note that a member's C{busy} went down; it may not be one of the built.
        """

    def reset(members):  # type: ignore[no-untyped-def]
        """
        Clear what the method keeps on members, as on a change of lbmethod (APACHE A17);
        lbstatus is cleared already.
        """


class IMemberLoad(Interface):
    """
    Knows how much room members have, for C{lbmethod = heartbeat}.

    Built-in: what members report by UDP or through a file, as Apache's mod_heartmonitor.
    """

    name = Attribute("The word for C{memberload =}, lower case.")

    def room(member, now):  # type: ignore[no-untyped-def]
        """
        Return how many more requests a member can take at once; asked every second.

        It must answer from memory: whoever has to ask the network does so beforehand.

        @param member: its L{MemberSpec<txbalancer.core.specs.MemberSpec>}.
        @param now: monotonic seconds.
        @return: 0 for none, C{None} for unknown: it then gets no request.
        """


class IMemberSource(Interface):
    """
    Finds members of a balancer somewhere, again and again.

    What it finds is compared with what it found before, and members are added, changed,
    drained and removed by that; see C{docs/discovery.rst}.
    """

    def find():  # type: ignore[no-untyped-def]
        """
        Look once. It is not asked again before this is done; after C{timeout} it is cancelled.

        @return: a Deferred that fires with an
            L{Answer<txbalancer.core.discovery.Answer>}, or with C{None} when nothing is other
            than the last time. When it fails, with any exception, its text is shown and the
            members stay.
        """

    def close():  # type: ignore[no-untyped-def]
        """
        Give up connections and the like; it is not asked any more.
        """


class IMemberSourceFactory(Interface):
    """
    Makes an L{IMemberSource} for one line of C{discover =}. Built-in:
    C{txbalancer/discovery/}.
    """

    name = Attribute("The word before the first + or : of such a line, lower case.")
    interval = Attribute("Seconds between two looks where the line does not say.")
    takes = Attribute(
        "A frozenset of those options that not every source has, by their keys: 'ttl-floor',"
        " 'family', 'resolver', 'token-file', 'ca-file'."
    )

    def check(place):  # type: ignore[no-untyped-def]
        """
        See whether a place can be one, without asking anybody.

        @param place: the first word of the line, such as C{dns+http://shop.internal}.
        @return: the scheme of the members, or an empty text where only answers tell.
        @raise ValueError: saying what is wrong and what is allowed.
        """

    def __call__(spec, reactor):  # type: ignore[no-untyped-def]
        """
        Make the source; it must not ask anybody yet.

        @param spec: its L{SourceSpec<txbalancer.core.specs.SourceSpec>}.
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

    def find(request, known):  # type: ignore[no-untyped-def]
        """
        Look for a session in a request.

        @param known: the labels that members have now; tells a session of this balancer
            from a foreign or forged one, where that matters.
        @return: a pair (name that matched, label) of C{bytes}, or C{None} for no session.
        """

    def labels(member):  # type: ignore[no-untyped-def]
        """
        Return the labels, a tuple of C{bytes}, that sessions of a member carry: for most
        schemes C{(member.route,)}. Empty ones match nobody. Must not change by itself.
        """

    def remember(request, found, member):  # type: ignore[no-untyped-def]
        """
        Return the header line, without its line end, that ties the client to this
        member, or C{None}.

        @param found: the session (name, label, …) of the request by whatever scheme
            found it, or C{None}.
        @param member: the member that answers.
        """


class IStickySchemeFactory(Interface):
    """
    Makes an L{IStickyScheme} for one balancer. Built-in: C{txbalancer/core/stickiness/}.
    """

    name = Attribute("The word for C{stickyscheme =}, lower case.")

    def __call__(spec, secret):  # type: ignore[no-untyped-def]
        """
        Make the scheme for a balancer, or return C{None} when its spec does not ask for it.

        @param secret: random bytes that last as long as the process, for schemes that
            sign and have no secret of their own.
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

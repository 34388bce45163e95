"""
Balancers and members of one server, as its directives come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from txbalancer.config.findings import Findings
from txbalancer.config.httpd.drafts import (
    BalancerDraft,
    divide_words,
    draft_only,
    is_balancer,
    split_balancer,
)
from txbalancer.config.httpd.expressions import Expressions
from txbalancer.config.httpd.members import MemberDraft, draft_member
from txbalancer.config.httpd.parameters import Given, ParameterReader, Parameters
from txbalancer.config.httpd.said import doubt, fault
from txbalancer.config.httpd.tree import Directive
from txbalancer.config.options import TABLES, parse
from txbalancer.config.suggest import did_you_mean
from txbalancer.core import values
from txbalancer.core.registry import Registry

Holder = BalancerDraft | MemberDraft


class Section(NamedTuple):
    """
    A C{<Proxy …>} section.

    @ivar holder: the balancer or member that it is about, or C{None}.
    @ivar rest: what stands in it beside members and their parameters.
    """

    holder: Holder | None
    rest: tuple[Directive, ...]


class Balancers:
    """
    Collects what a server says of balancers and members; faults are noted.

    One is made for the main server and one for each virtual host; directives must come in file
    order within a server, and the main server's may come before or after. When all are
    read, L{settle<txbalancer.config.httpd.settle.settle>} makes the specs.

    @ivar parent: that of the main server, for a virtual host.
    @ivar suffix: goes behind names of specs that another server has too.
    @ivar server_defaults: attribute to value for members, by directives such as C{ProxyTimeout}
        of the whole server; to be set before L{settle<txbalancer.config.httpd.settle.settle>}.
    @ivar inherits: whether it sees the main server's balancers: in Apache unless C{BalancerInherit}
        and C{ProxyPassInherit} are both Off.
    """

    __slots__ = (
        "apache",
        "children",
        "drafts",
        "expressions",
        "findings",
        "hctpsize",
        "inherits",
        "parent",
        "reader",
        "registry",
        "sections",
        "server_defaults",
        "singles",
        "suffix",
    )

    def __init__(
        self,
        findings: Findings,
        registry: Registry,
        defaults: str = "apache",
        parent: Balancers | None = None,
        name_suffix: str = "",
        inherits: bool = True,
    ) -> None:
        """
        @param defaults: C{apache} or C{modern}.
        """
        self.findings, self.registry, self.parent = findings, registry, parent
        self.suffix, self.inherits = name_suffix, inherits
        self.apache = defaults == "apache"
        self.expressions: Expressions = Expressions(
            findings, parent.expressions if parent else None, name_suffix
        )
        self.reader: ParameterReader = ParameterReader(
            findings, registry, self.apache, self.expressions, parent.reader if parent else None
        )
        self.drafts: dict[str, BalancerDraft] = {}
        self.singles: dict[object, MemberDraft] = {}
        self.sections: dict[object, MemberDraft] = {}
        self.server_defaults: Mapping[str, Any] = {}
        self.hctpsize: int | None = None
        self.children: list[Balancers] = []
        if parent is not None:
            parent.children.append(self)

    def section(self, directive: Directive) -> Section:
        """
        Read C{<Proxy URL key=value …>}.

        Other sections, as C{<Proxy *>} and C{<ProxyMatch>}, hold no members. Expressions and
        templates are the server's wherever they stand, as in Apache.
        """
        url, *words = directive.args or ("",)
        holder = self._section_of(url, directive)
        rest: list[Directive] = []
        for child in directive.children or ():
            if child.key == "balancermember":
                self._member_in(holder, url, child)
            elif child.key == "proxyset":
                self._set(holder, url, child.args, child)
            elif child.key == "proxyhcexpr":
                self.expression(child)
            elif child.key == "proxyhctemplate":
                self.template(child)
            else:
                rest.append(child)
        # Apache reads what stands in the section first.
        if words:
            self._set(holder, url, words, directive)
        return Section(holder, tuple(rest))

    def member(self, directive: Directive, *, in_location: bool = False) -> None:
        """
        Read C{BalancerMember balancer://NAME URL key=value …} outside of a section.
        """
        places, words = divide_words(directive.args)
        if in_location:
            fault(self.findings, directive, "cannot stand in a <Location>: put it beside it")
        elif not places or not is_balancer(places[0]):
            fault(
                self.findings,
                directive,
                "outside of <Proxy balancer://NAME> takes balancer://NAME URL key=value …: "
                "the balancer's name is missing",
            )
        else:
            balancer = self._declared(places[0], directive)
            if balancer is not None:
                self._add(balancer, places[1:], words, directive)

    def proxyset(self, directive: Directive) -> None:
        """
        Read C{ProxySet URL key=value …} outside of a section.
        """
        url, *words = directive.args or ("",)
        if "=" in url or not url:
            fault(
                self.findings,
                directive,
                "outside of <Proxy> takes balancer://NAME key=value …: the name is missing",
            )
            return
        holder = self._found(url, directive)
        if holder is not None:
            self._set(holder, url, words, directive)

    def parameters(
        self, url: str, words: Sequence[str], directive: Directive
    ) -> tuple[BalancerDraft, str] | None:
        """
        Read C{balancer://NAME/PATH key=value …} of a C{ProxyPass}.

        @return: the balancer, whose C{spec_name} is there once all is settled, and the path
            as written; C{None} after a fault.
        """
        balancer = self._declared(url, directive)
        if balancer is None:
            return None
        balancer.mounted = True
        self._set(balancer, url, words, directive)
        return balancer, split_balancer(url)[1]

    def single(self, url: str, words: Sequence[str], directive: Directive) -> MemberDraft | None:
        """
        Read C{http://HOST/PATH key=value …} of a C{ProxyPass}.

        L{single_spec<txbalancer.config.httpd.settle.single_spec>} makes its spec once all is read.
        A URL that is there already keeps its first parameters (APACHE item 0.6), but
        one that only begins like another is of its own (X38).
        """
        try:
            draft = draft_member(url, directive)
        except ValueError as error:
            fault(self.findings, directive, error)
            return None
        own = self.reader.member(words, directive)
        first = self.singles.setdefault(draft.identity, draft)
        if first is draft:
            draft.own.update(own)
        else:
            self._ignored(first, own, directive)
        return first

    def template(self, directive: Directive) -> None:
        """
        Read C{ProxyHCTemplate}.
        """
        self.reader.template(directive)

    def expression(self, directive: Directive) -> None:
        """
        Read C{ProxyHCExpr}.
        """
        self.expressions.declare(directive)

    def tpsize(self, directive: Directive) -> None:
        """
        Read C{ProxyHCTPsize}: how many checks may run at once (APACHE item C3).
        """
        try:
            (text,) = directive.args if len(directive.args) == 1 else ("",)
            found = parse(TABLES["txbalancer"]["hctpsize"][1], text, self.registry)
            self.hctpsize = found or 1  # Apache's 0 means one after the other
        except ValueError as error:
            fault(self.findings, directive, error)

    def growth(self, directive: Directive) -> None:
        """
        Read C{BalancerGrowth}: how many balancers may be added at run time (APACHE item B16).
        """
        try:
            if len(directive.args) != 1:
                raise ValueError("takes one number")
            values.integer(0, 1000)(directive.args[0])
            doubt(
                self.findings,
                directive,
                "has no effect: no balancers are added at run time, nor does Apache's page offer "
                "it. For members, give growth=N to a balancer",
            )
        except ValueError as error:
            fault(self.findings, directive, error)

    def names(self) -> dict[str, str]:
        """
        Return the names of specs by Apache's names, of what this server can see; once settled.
        """
        inherited = self.parent.names() if self.parent is not None and self.inherits else {}
        return inherited | {name: draft.spec_name for name, draft in self.drafts.items()}

    def globals(self) -> dict[str, Any]:
        """
        Return what was read for the whole service: attributes of L{GlobalSpec}.
        """
        found: dict[str, Any] = {"hcexpr": self.expressions.texts}
        if self.hctpsize is not None:
            found["hctpsize"] = self.hctpsize
        return found

    def _section_of(self, url: str, directive: Directive) -> Holder | None:
        if directive.key != "proxy" or ":" not in url or "*" in url:
            return None
        if is_balancer(url):
            return self._declared(url, directive)
        try:
            draft = draft_member(url, directive)
        except ValueError as error:
            fault(self.findings, directive, error)
            return None
        return self.sections.setdefault(draft.identity, draft)

    def _declared(self, url: str, directive: Directive) -> BalancerDraft | None:
        try:
            name, _ = split_balancer(url)
        except ValueError as error:
            fault(self.findings, directive, error)
            return None
        return self.drafts.setdefault(name, BalancerDraft(name, directive))

    def _found(self, url: str, directive: Directive) -> Holder | None:
        """
        Find what C{ProxySet} names, which must have been named before, as Apache has it.
        """
        try:
            found: Holder | None
            if is_balancer(url):
                found = self.drafts.get(split_balancer(url)[0])
                known = [f"balancer://{name}" for name in self.drafts]
            else:
                identity = draft_member(url, directive).identity
                found = self.singles.get(identity, self.sections.get(identity))
                known = [each.address.url for each in self.singles.values()]
            if found is None:
                raise ValueError(
                    f"{url} is not there, or only further down{self._hint(url, known)}"
                )
        except ValueError as error:
            fault(self.findings, directive, error)
            return None
        return found

    def _hint(self, url: str, known: Sequence[str]) -> str:
        for balancer in self.drafts.values():
            if any(each.address.url == url.lower() for each in balancer.members.values()):
                return (
                    f": it is a member of balancer://{balancer.name}, "
                    "whose parameters stand behind its BalancerMember"
                )
        return did_you_mean(url, known)

    def _set(
        self, holder: Holder | None, url: str, words: Sequence[str], directive: Directive
    ) -> None:
        if isinstance(holder, BalancerDraft):
            own, shared = self.reader.balancer(words, directive, holder.name)
            holder.own.update(own)
            holder.shared.update(shared)
        elif holder is not None:
            own = self.reader.member(words, directive)
            for known in (self.sections, self.singles):
                if holder.identity in known:
                    known[holder.identity].own.update(own)
        elif not is_balancer(url):
            fault(self.findings, directive, f"{url!r} is not a URL whose parameters can be set")

    def _member_in(self, holder: Holder | None, url: str, directive: Directive) -> None:
        places, words = divide_words(directive.args)
        if isinstance(holder, BalancerDraft):
            self._add(holder, places, words, directive)
        elif holder is not None or not is_balancer(url):
            fault(
                self.findings,
                directive,
                f"belongs in <Proxy balancer://NAME>, not in the section of {url!r}",
            )

    def _add(
        self,
        balancer: BalancerDraft,
        places: Sequence[str],
        words: Sequence[str],
        directive: Directive,
    ) -> None:
        try:
            draft = draft_only(places, directive)
        except ValueError as error:
            fault(self.findings, directive, error)
            return
        own = self.reader.member(words, directive)
        first = balancer.members.setdefault(draft.address.identity, draft)
        if first is draft:
            draft.own.update(own)
        else:
            self._ignored(first, own, directive)
            if draft.websocket:
                first.own.setdefault("upgrade", draft.own["upgrade"])

    def _ignored(self, first: MemberDraft, own: Parameters, directive: Directive) -> None:
        keys = sorted({each.key for each in own.values()})
        same = all(first.own.get(name) == each for name, each in own.items())
        if keys and not same:
            doubt(
                self.findings,
                directive,
                f"{first.address.url} is there already, in line {first.place.line}, and keeps what "
                f"it was given there: {', '.join(keys)} ignored, as Apache does",
            )
        elif directive.key == "balancermember":
            doubt(
                self.findings,
                directive,
                f"{first.address.url} is a member already, in line {first.place.line}",
            )


def share(holder: Holder, options: Mapping[str, Any], directive: Directive) -> None:
    """
    Give options to the member, or all members of the balancer, of a section.

    @param options: attribute to value.
    """
    target = holder.shared if isinstance(holder, BalancerDraft) else holder.own
    target.update({key: Given(key, value, directive) for key, value in options.items()})

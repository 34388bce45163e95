"""
A balancer as the target of one mount, with what that mount wants done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from types import MappingProxyType
from typing import TYPE_CHECKING

from txbalancer.core.editor import RequestEditor, answer_editor
from txbalancer.core.headers import HeaderRules, hops_left
from txbalancer.core.mounts import Mount
from txbalancer.core.reverse import LiveReverse, may_reverse
from txbalancer.core.specs import MountSpec
from txbalancer.core.trace import BITS, carried, fresh, restarted
from txbalancer.core.variables import Facts
from txbalancer.errors import ClientError
from txbalancer.http1.heads import CHUNKED, RequestHead
from txbalancer.proxy.channel import ClientChannel
from txbalancer.proxy.exchange import Exchange
from txbalancer.proxy.fcgi_params import Params
from txbalancer.proxy.guarded import EVERY, GuardedExchange
from txbalancer.proxy.manner import manner
from txbalancer.proxy.site import Site

if TYPE_CHECKING:
    from txbalancer.proxy.resource import BalancerResource

Begin = Callable[[Site, ClientChannel, RequestHead, Mount, bytes], None]


class MountedBalancer:
    """
    A balancer behind one mount. What the mount does not ask for costs its requests nothing.

    @ivar begin: takes a request at the end of its head.
    @ivar resource: the balancer.
    @ivar rules: header rules of the mount.
    @ivar bare_rules: those of requests to members that are told of the client otherwise.
    @ivar reverse: maps Location and the like back, or C{None}.
    @ivar watched: statuses of a member's answer that are more than passed on.
    @ivar tells: whether the balancer wants to know how members answer; C{times}: how soon, too.
    @ivar tally: the balancer's own.
    @ivar exchange: what a request to the balancer becomes.
    @ivar failonstatus: those of them that put the member out.
    @ivar overridden: those whose body is replaced.
    @ivar params: what FastCGI members are told of requests.
    @ivar editor: changes the header lines of answers, or C{None}.
    @ivar manner: how requests are written to members; C{None} for the usual way.
    @ivar remembers: whether answers may get a sticky cookie.
    @ivar changes: whether answers get other lines than their own and those of C{rules}.
    """

    __slots__ = (
        "__weakref__",
        "_random_bits",
        "_request_editor",
        "_says_continue",
        "bare_rules",
        "begin",
        "changes",
        "editor",
        "exchange",
        "failonstatus",
        "manner",
        "overridden",
        "params",
        "remembers",
        "resource",
        "reverse",
        "rules",
        "tally",
        "tells",
        "times",
        "watched",
    )

    def __init__(
        self,
        resource: BalancerResource,
        mount: MountSpec,
        others: Mapping[str, BalancerResource] = MappingProxyType({}),
    ) -> None:
        """
        @param others: every balancer by its name, for C{proxypassreverse}.
        """
        spec = resource.balancer.spec
        self.resource = resource
        self.rules = HeaderRules(mount)
        self.bare_rules = HeaderRules(
            replace(mount, addheaders=False, preservehost=True, via="off")
        )
        self.params = Params(mount)
        self.reverse = None
        if may_reverse(mount):
            balancers = {name: each.balancer for name, each in others.items()}
            self.reverse = LiveReverse(mount, resource.balancer, balancers)
        self.failonstatus = spec.failonstatus
        self.overridden = mount.erroroverride
        self.observe()
        resource.mounted.add(self)
        self.remembers = bool(spec.stickycookie or spec.stickyscheme or spec.stickysource)
        self.editor = answer_editor(mount.header)
        self.changes = self.remembers or self.editor is not None
        edits = mount.requestheader
        self._request_editor = RequestEditor(edits, self.rules.addproto) if edits else None
        self.manner = manner(mount)
        old = self.manner is not None and self.manner.old
        self._says_continue = old or not mount.proxy100continue
        self._random_bits = Random().getrandbits if mount.traceparent else None
        changes_requests = bool(edits) or self._says_continue or mount.traceparent
        self.begin: Begin = self._begin_changed if changes_requests else self._begin
        if old:
            self.begin = self._begin_sized

    def observe(self) -> None:
        """
        Find out what the balancer wants to know of each exchange: nothing, as a rule.
        """
        balancer = self.resource.balancer
        self.tally = balancer.tally
        self.tells, self.times = balancer.watched, balancer.timing
        self.watched = EVERY if self.tells else self.failonstatus | self.overridden
        broken = balancer.breaker is not None
        self.exchange: type[Exchange] = GuardedExchange if broken else Exchange

    def _begin(
        self, site: Site, channel: ClientChannel, head: RequestHead, mount: Mount, path: bytes
    ) -> None:
        if b"max-forwards" in head.noted:
            try:
                hops = hops_left(head.noted[b"max-forwards"])
            except ClientError as error:
                site.answer(channel, head, error.status, error.reason, str(error), mount)
                return
            if hops == 0:
                # APACHE H8. TRACE would echo the client's cookies back: refused, unlike there.
                if head.method == b"OPTIONS":
                    site.answer_options(channel, head)
                else:
                    text = "Max-Forwards has reached zero: the request goes in circles"
                    site.answer(channel, head, 400, "bad-request", text, mount)
                return
        self.exchange(self, channel, head, mount, path).start()

    def _begin_sized(
        self, site: Site, channel: ClientChannel, head: RequestHead, mount: Mount, path: bytes
    ) -> None:
        if head.body == CHUNKED:
            # Apache writes such a body to a file first (H21). Bodies are not collected here.
            text = "a body sent on in HTTP/1.0 needs a Content-Length"
            site.answer(channel, head, 411, "bad-request", text, mount)
            return
        self._begin_changed(site, channel, head, mount, path)

    def _begin_changed(
        self, site: Site, channel: ClientChannel, head: RequestHead, mount: Mount, path: bytes
    ) -> None:
        if self._request_editor is not None:
            name = self.rules.server_name or head.peer.server_name
            self._request_editor.edit(head, Facts(head, name, site.runtime.wall()))
        if self._random_bits is not None:
            head.trace = carried(head.lines)
            if not head.trace:
                head.trace = fresh(self._random_bits(BITS))
                head.lines = restarted(head.lines, head.trace)
        if self._says_continue and head.expects:
            head.expects = False
            channel.interim(b"HTTP/1.1 100 Continue", [])
        self._begin(site, channel, head, mount, path)

"""
Options that were written but do nothing, for want of another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from txbalancer.config import words
from txbalancer.config.findings import Findings
from txbalancer.config.ini import Section
from txbalancer.config.needs import Need, is_sticky, needing, starting
from txbalancer.config.options import MEMBER_OPTIONS, TABLES, Table, table
from txbalancer.config.scope import Placed
from txbalancer.core import flags
from txbalancer.core.access_rules import asks_for_users
from txbalancer.core.passive.breaker import is_wanted
from txbalancer.core.passive.outliers import ejects, may_eject_one
from txbalancer.core.schemes import has_streams, in_packets, is_secure, is_single_use, mode_of
from txbalancer.core.specs import (
    BalancerSpec,
    FixedStatus,
    GlobalSpec,
    ListenerSpec,
    MemberSpec,
    MountSpec,
    NotProxied,
    Redirect,
    ToBalancer,
    ToManager,
    ToMember,
)

_ANY_STICKY = "stickysession, stickycookie, stickysource or stickyscheme"
_STANDBY_AND_SPARE = flags.STANDBY | flags.SPARE

OF_SERVICE = (
    needing(
        "access-log-format",
        lambda spec: spec.access_log.lower() != "off",
        "access-log: it is off, and [log:NAME] has formats of its own",
        always=True,
    ),
    needing(
        "log-level", lambda spec: spec.error_log, "error-log: twistd's own log has all messages"
    ),
    needing(
        "heartbeat-maxservers",
        lambda spec: spec.heartbeat_listen or spec.heartbeat_storage,
        "heartbeat-listen or heartbeat-storage",
    ),
)
_EJECTING = (
    "outlier-failures outlier-gateway outlier-local outlier-percent outlier-deviation"
    " outlier-latency"
)
_OF_BREAKERS = (
    needing("breaker-quantile", lambda spec: spec.breaker_latency, "breaker-latency"),
    needing(
        "breaker-window breaker-requests breaker-open breaker-trials",
        is_wanted,
        "breaker-percent or breaker-latency",
    ),
)

OF_LISTENERS = (
    needing(
        "http2",
        lambda spec: not spec.http2 or spec.secure or spec.h2c or spec.mode != "http",
        "TLS, which tls-certificate begins; h2c = on is HTTP/2 without TLS",
        always=True,
    ),
    needing("tls-chain", lambda spec: spec.tls_certificate, "tls-certificate"),
    needing(
        f"{starting(TABLES['listener'], 'tls-')} hsts",
        lambda spec: spec.secure,
        "tls-certificate or tls-certificates",
    ),
    needing(
        "tls-client-ca tls-client-crl tls-client-depth tls-client-headers",
        lambda spec: spec.tls_client_verify != "off",
        "tls-client-verify = optional or require",
    ),
    needing("tls-ticket-life", lambda spec: spec.tls_tickets, "tls-tickets = On"),
    needing("hsts-subdomains", lambda spec: spec.hsts, "hsts"),
    Need(
        frozenset({"redirect-to-https", "h2c"}),
        lambda spec: not spec.secure,
        "has no effect with TLS, which tls-certificate begins here",
    ),
    needing(
        "idle-timeout lifetime tcp-keepalive alpn", lambda spec: spec.mode == "tcp", "mode = tcp"
    ),
    needing(
        "trusted-proxies external-proxies trusted-header trusted-proto h2c body-timeout"
        " body-min-rate keepalive-timeout keepalive-requests max-url max-line max-headers"
        f" underscores redirect-to-https hsts {starting(TABLES['listener'], 'http2')}",
        lambda spec: spec.mode == "http",
        "mode = http",
    ),
    needing(
        "head-timeout write-timeout max-head max-unsent",
        lambda spec: spec.mode != "udp",
        "connections",
    ),
    needing(
        starting(TABLES["listener"], "http2-"),
        lambda spec: spec.h2c or (spec.http2 and spec.secure),
        "HTTP/2: http2 = on with TLS, or h2c = on",
    ),
    needing(
        "trusted-proto",
        lambda spec: spec.trusted_proxies or spec.external_proxies,
        "trusted-proxies or external-proxies",
    ),
    needing(
        "trusted-header",
        lambda spec: spec.trusted_proxies or spec.external_proxies,
        "trusted-proxies or external-proxies: no other client is believed",
        always=True,
    ),
    needing(
        "session-timeout requests responses sessions-per-client",
        lambda spec: spec.mode == "udp",
        "mode = udp",
    ),
    needing("keepalive-requests", lambda spec: spec.keepalive_timeout > 0, "keepalive-timeout"),
    needing(
        "max-requests requests-per-client queue queue-timeout",
        lambda spec: spec.mode == "http",
        "mode = http; a balancer's max-requests is for connections, too",
    ),
    needing(
        "queue queue-timeout",
        lambda spec: spec.max_requests or spec.requests_per_client,
        "max-requests or requests-per-client",
    ),
    needing("connections-per-client limit", lambda spec: spec.mode != "udp", "connections"),
    needing(
        "exempt-clients",
        lambda spec: (
            spec.connections_per_client
            or spec.requests_per_client
            or spec.sessions_per_client
            or spec.limit
        ),
        "connections-per-client, requests-per-client, sessions-per-client or limit",
    ),
)
OF_BALANCERS = (
    needing("memberload", lambda spec: spec.lbmethod == "heartbeat", "lbmethod = heartbeat"),
    needing("hashkey", lambda spec: spec.lbmethod == "hash", "lbmethod = hash"),
    needing("stickysessionsep scolonpathdelim", lambda spec: spec.stickysession, "stickysession"),
    needing(
        starting(TABLES["balancer"], "stickycookie-"),
        lambda spec: spec.stickycookie,
        "stickycookie = NAME",
    ),
    needing("stickysource-most", lambda spec: spec.stickysource, "stickysource"),
    needing("nofailover", is_sticky, _ANY_STICKY),
    needing("queue queue-timeout", lambda spec: spec.max_requests, "max-requests"),
    needing("retry-budget-min", lambda spec: spec.retry_budget, "retry-budget"),
    needing(
        "outlier-requests outlier-interval",
        lambda spec: spec.outlier_percent or spec.outlier_deviation or spec.outlier_latency,
        "outlier-percent, outlier-deviation or outlier-latency",
    ),
    needing("outlier-members", lambda spec: spec.outlier_deviation, "outlier-deviation"),
    needing("outlier-floor", lambda spec: spec.outlier_latency, "outlier-latency"),
    needing(
        "outlier-time outlier-longest outlier-most outlier-always-one outlier-check-ends",
        ejects,
        "a rule that ejects, such as outlier-failures",
    ),
    Need(
        frozenset(_EJECTING.split()),
        may_eject_one,
        "has no effect: outlier-most is less than one of the members",
    ),
    *_OF_BREAKERS,
)
OF_MOUNTS = (
    needing(
        "via preservehost forwarded addheaders addproto nocanon nokeepalive http10 traceparent"
        " maxforwards proxy100continue requestheader erroroverride "
        + starting(TABLES["mount"], "reverse"),
        lambda spec: not isinstance(spec.target, NotProxied | Redirect | FixedStatus),
        "a member to ask",
    ),
    needing(
        "auth-file auth-name",
        lambda spec: asks_for_users((*spec.require, *spec.operate)),
        "require = user or valid-user",
    ),
    needing("operate legacyget", lambda spec: isinstance(spec.target, ToManager), "a manager:"),
)
OF_MEMBERS = (
    needing(
        f"{starting(MEMBER_OPTIONS, 'sslproxy')} sni",
        lambda member: is_secure(member.scheme),
        "https:// or tls://",
    ),
    needing(
        "sslproxycacertificatefile sslproxycacertificatepath sslproxyverifydepth",
        lambda member: member.sslproxyverify == "require",
        "sslproxyverify = require",
    ),
    needing(
        "tunneltimeout",
        lambda member: member.upgrade.upper() != "NONE" or mode_of(member.scheme) != "http",
        "an upgrade other than NONE",
    ),
    needing(
        "hcinterval hctimeout hcpasses hcfails hccounting",
        lambda member: member.hcmethod != "none",
        "hcmethod",
    ),
    needing(
        "hcuri hcexpr",
        lambda member: member.hcmethod not in ("none", "tcp", "expect"),
        "an hcmethod that asks for it, such as get",
    ),
    needing("acquire maxqueue", lambda member: member.max or member.maxrequests, "max"),
    needing("smax min", lambda member: member.ttl, "ttl: nothing is closed for age"),
    needing("min", lambda member: not is_single_use(member), "reuse: disablereuse is On"),
    Need(
        frozenset({"min"}),
        lambda member: not member.max or member.min <= member.max,
        "is above max: there are never so many connections",
    ),
    needing(
        "smax min ttl disablereuse badheader responsefieldsize",
        lambda member: mode_of(member.scheme) == "http",
        "HTTP",
    ),
    needing(
        "upgrade",
        lambda member: mode_of(member.scheme) == "http" and not in_packets(member.scheme),
        "HTTP",
    ),
    needing(
        "ping",
        lambda member: mode_of(member.scheme) == "http" and member.scheme != "fcgi",
        "HTTP or AJP",
    ),
    needing("maxstreams", lambda member: has_streams(member.scheme), "h2:// or h2c://"),
    needing(
        "sendproxy",
        lambda member: not has_streams(member.scheme),
        "connections of one client, which those of HTTP/2 are not",
    ),
    needing("secret", lambda member: member.scheme == "ajp", "ajp://"),
    needing("hcsend hcexpect", lambda member: member.hcmethod == "expect", "hcmethod=expect"),
    needing("slow-start-aggression", lambda member: member.slow_start, "slow-start"),
    *_OF_BREAKERS,
    needing("failwindow", lambda member: member.maxfails > 1, "maxfails above 1"),
    Need(
        frozenset({"status"}),
        lambda member: member.status & _STANDBY_AND_SPARE != _STANDBY_AND_SPARE,
        "has H and R: H has no effect, the member is a spare",  # APACHE W42
    ),
)
OF_STICKY = needing("redirect", lambda member: False, _ANY_STICKY)
"""Of members in a balancer that is not sticky."""


def check_effects(
    listeners: Sequence[Placed[ListenerSpec]],
    balancers: Sequence[Placed[BalancerSpec]],
    mounts: Sequence[Placed[MountSpec]],
    service: Sequence[Placed[GlobalSpec]],
    findings: Findings,
    apache: bool = False,
) -> None:
    """
    Warn of each option that has no effect where it was written, unless it says the default.

    @param apache: whether the defaults are Apache's.
    """
    check = _Check(findings, apache)
    for whole in service:
        check.section(whole.section, [whole.spec], OF_SERVICE)
    for listener in listeners:
        check.section(listener.section, [listener.spec], OF_LISTENERS)
    for balancer in balancers:
        check.section(balancer.section, [balancer.spec], OF_BALANCERS)
        check.members(balancer)
    of_mounts = (*OF_MOUNTS, _need_of_scripts(balancers))
    for mount in mounts:
        check.section(mount.section, [mount.spec], of_mounts)
        target, section = mount.spec.target, mount.section
        if isinstance(target, ToMember):
            entry = section.entries["to"]
            for text in check.faults(entry.value, target.member, OF_MEMBERS):
                findings.warn(entry.line, section.title, "to", text)


def _need_of_scripts(balancers: Sequence[Placed[BalancerSpec]]) -> Need:
    """
    Return the need of options for FastCGI: members of it, now or, in an empty balancer, later.
    """
    able = {
        each.spec.name
        for each in balancers
        if not each.spec.members
        or each.spec.discover
        or any(member.scheme == "fcgi" for member in each.spec.members)
    }

    def met(spec: MountSpec) -> bool:
        target = spec.target
        if isinstance(target, ToMember):
            return target.member.scheme == "fcgi"
        return isinstance(target, ToBalancer) and target.name in able

    return needing(f"{starting(TABLES['mount'], 'fcgi')} cgipassauth", met, "fcgi:// members")


class _Check:
    __slots__ = ("_defaults", "_findings", "_tables")

    def __init__(self, findings: Findings, apache: bool) -> None:
        self._findings = findings
        self._defaults = "apache" if apache else "modern"
        self._tables: dict[type, Table] = {}

    def section(
        self,
        section: Section,
        holders: Sequence[Any],
        needs: Sequence[Need],
        names: Callable[[str], str] = str,
    ) -> None:
        """
        @param holders: the specs that the section's options are for; one that can use them is
            enough.
        @param names: name in C{needs} of a key.
        """
        for key, entry in section.entries.items():
            name = names(key)
            for need in needs:
                if name in need.keys and not any(
                    self._is_well(each, name, need) for each in holders
                ):
                    self._findings.warn(entry.line, section.title, key, need.fault)
                    break

    def members(self, placed: Placed[BalancerSpec]) -> None:
        """
        Look at the options of a balancer's members, in its section and in their lines.
        """
        spec, section = placed.spec, placed.section
        needs = OF_MEMBERS if is_sticky(spec) else (*OF_MEMBERS, OF_STICKY)
        found = [*spec.members, *(each.member for each in spec.discover)]
        # Where only answers tell the scheme, every option may have its effect.
        if found and all(each.scheme for each in found):
            self.section(section, found, needs, _member_option)
        entry = section.entries.get("members")
        written = dict(entry.lines) if entry is not None else {}
        for line, member in zip(placed.lines, spec.members, strict=True):
            for text in self.faults(written[line], member, needs):
                self._findings.warn(line, section.title, "members", text)

    def faults(self, text: str, member: MemberSpec, needs: Sequence[Need]) -> Iterator[str]:
        """
        Yield what is to be said of the options in the line of a member.
        """
        for word in words.split(text)[1:]:
            key = word.partition("=")[0].lower()
            for need in needs:
                if key in need.keys and not self._is_well(member, key, need):
                    yield f"{member.url}: {key} {need.fault}"
                    break

    def _is_well(self, spec: Any, key: str, need: Need) -> bool:
        if need.met(spec):
            return True
        if need.always:
            return False
        if type(spec) not in self._tables:
            self._tables[type(spec)] = table(type(spec))
        attribute, option = self._tables[type(spec)][key]
        return bool(getattr(spec, attribute) == getattr(option, self._defaults))


def _member_option(key: str) -> str:
    """
    Name the option of members that a key of a balancer's section gives; empty for the others.
    """
    return "" if key in TABLES["balancer"] else key.removeprefix("member.")

"""
Configuration as frozen values, one field per option.

Each option field carries, in its metadata, everything the loader, the printer
and the reference manual need: its INI name, parser, both defaults, unit and a
line of documentation. Adding an option is one field here and the line that
uses it.
"""

from __future__ import annotations

from txbalancer.core.specs.balancer import BalancerSpec
from txbalancer.core.specs.fields import SAME, Option, apache_defaults, option, options
from txbalancer.core.specs.kinds import (
    ALL_ERRORS,
    NamedText,
    Rate,
    StickyNames,
    address_port,
    balancer_url,
    cookie_pair,
    error_codes,
    expected,
    hash_key,
    https_port,
    limit_key,
    memory,
    named_text,
    nameservers,
    pair,
    protocols,
    rate,
    said,
    secrets,
    show_codes,
    show_memory,
    sticky_names,
    workers,
)
from txbalancer.core.specs.limit import LimitSpec
from txbalancer.core.specs.listener import ListenerSpec
from txbalancer.core.specs.member import MemberSpec
from txbalancer.core.specs.mount import Condition, MountSpec
from txbalancer.core.specs.service import GlobalSpec, LogSpec, ServiceSpec
from txbalancer.core.specs.source import OF_SOME, SourceSpec
from txbalancer.core.specs.targets import (
    FixedStatus,
    NotProxied,
    Redirect,
    Target,
    ToBalancer,
    ToHealth,
    ToHeartbeat,
    ToManager,
    ToMember,
    ToMetrics,
    ToResource,
    ToStatus,
)

__all__ = [
    "ALL_ERRORS",
    "OF_SOME",
    "SAME",
    "BalancerSpec",
    "Condition",
    "FixedStatus",
    "GlobalSpec",
    "LimitSpec",
    "ListenerSpec",
    "LogSpec",
    "MemberSpec",
    "MountSpec",
    "NamedText",
    "NotProxied",
    "Option",
    "Rate",
    "Redirect",
    "ServiceSpec",
    "SourceSpec",
    "StickyNames",
    "Target",
    "ToBalancer",
    "ToHealth",
    "ToHeartbeat",
    "ToManager",
    "ToMember",
    "ToMetrics",
    "ToResource",
    "ToStatus",
    "address_port",
    "apache_defaults",
    "balancer_url",
    "cookie_pair",
    "error_codes",
    "expected",
    "hash_key",
    "https_port",
    "limit_key",
    "memory",
    "named_text",
    "nameservers",
    "option",
    "options",
    "pair",
    "protocols",
    "rate",
    "said",
    "secrets",
    "show_codes",
    "show_memory",
    "sticky_names",
    "workers",
]

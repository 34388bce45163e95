"""
Checks of a configuration that need the layers above it; they only read files.
"""

from __future__ import annotations

from collections.abc import Iterator

from txbalancer.config import Complaint
from txbalancer.control.logformat import compile_format
from txbalancer.core.specs import MemberSpec, ServiceSpec, ToMember
from txbalancer.errors import StartError
from txbalancer.tls.listeners import server_options
from txbalancer.tls.members import client_options


def check_tls(spec: ServiceSpec) -> Iterator[Complaint]:
    """
    Load every certificate, key and file of authorities as a start would.
    """
    for listener in spec.listeners:
        try:
            server_options(listener)
        except StartError as error:
            text = str(error).removeprefix(f"listener {listener.name}: ")
            key, _, rest = text.partition(" ")
            yield f"listener:{listener.name}", key, rest
    for title, key, member in _members(spec):
        if member.scheme == "https":
            try:
                client_options(member)
            except StartError as error:
                yield title, key, f"{member.url}: {error}"


def check_access_log(spec: ServiceSpec) -> Iterator[Complaint]:
    """
    Read the format of the access log.
    """
    try:
        compile_format(spec.service.access_log_format)
    except ValueError as error:
        yield "txbalancer", "access-log-format", str(error)


CHECKS = (check_tls, check_access_log)
"""All of them, for C{check}, the start and a reload alike."""


def _members(spec: ServiceSpec) -> Iterator[tuple[str, str, MemberSpec]]:
    for balancer in spec.balancers:
        for member in balancer.members:
            yield f"balancer:{balancer.name}", "members", member
    for mount in spec.mounts:
        if isinstance(mount.target, ToMember):
            yield f"mount:{mount.label}", "to", mount.target.member

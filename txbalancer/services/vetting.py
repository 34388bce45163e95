"""
Whether this installation has what a command names: methods, probes, expressions, files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from txbalancer.config.members import parse_url
from txbalancer.config.suggest import choose_from
from txbalancer.core.commands import (
    KEEP,
    AddMember,
    Command,
    PutBack,
    SetBalancer,
    SetMember,
)
from txbalancer.core.registry import Registry
from txbalancer.core.schemes import check_probe, is_secure
from txbalancer.core.specs import MemberSpec, ServiceSpec
from txbalancer.errors import StartError
from txbalancer.tls.members import client_options


def check_command(command: Command, registry: Registry, spec: ServiceSpec) -> None:
    """
    See whether what a command names is there.

    @param spec: the configuration in force, with its expressions of health checks.
    @raise LookupError: for what is not; L{ValueError} for what cannot be used.
    """
    if isinstance(command, SetBalancer) and command.lbmethod is not KEEP:
        _known(command.lbmethod, registry.lbmethods, "lbmethod")
    elif isinstance(command, SetMember):
        _check_probe(command.hcmethod, command.hcexpr, registry, spec)
        _check_fit(parse_url(command.member).scheme, command.hcmethod, registry)
    elif isinstance(command, AddMember | PutBack):
        member = command.spec if isinstance(command, AddMember) else command.gone.spec
        _check_probe(member.hcmethod, member.hcexpr, registry, spec)
        _check_fit(member.scheme, member.hcmethod, registry)
        check_files(member)


def check_expression(name: str, spec: ServiceSpec) -> None:
    """
    @raise LookupError: when no expression of health checks has this name.
    """
    _known(name, {each.name: each for each in spec.service.hcexpr}, "expression")


def check_files(member: MemberSpec) -> None:
    """
    @raise ValueError: when a member's TLS files cannot be used.
    """
    if is_secure(member.scheme):
        try:
            client_options(member)
        except StartError as error:
            raise ValueError(f"{member.url}: {error}") from error


def _check_probe(
    method: str | None, expression: str | None, registry: Registry, spec: ServiceSpec
) -> None:
    if method not in (None, "none"):
        _known(method, registry.probes, "health check")
    if expression:
        check_expression(expression, spec)


def _check_fit(scheme: str, method: str | None, registry: Registry) -> None:
    if method is not None:
        check_probe(scheme, method, registry.probes.get(method))


def _known(name: Any, there: Mapping[str, Any], what: str) -> None:
    if name not in there:
        raise LookupError(f"there is no {what} {name!r}{choose_from(name, there)}")

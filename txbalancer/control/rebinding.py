"""
Names that lead to this machine only to fool a browser on it (DNS rebinding).

A page of evil.test can have its own name resolved to 127.0.0.1. What it then sends here is
no request of another site for the browser, and C{require = local} lets it in.
"""

from __future__ import annotations

import socket
from collections.abc import Container
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from twisted.web.http import Request

from txbalancer.control.said import header
from txbalancer.core.access_rules import plain_address, same_machine


def strange_name(request: Request) -> str:
    """
    Say why a request for our own pages may come from a page with such a name; empty when it
    does not. A mount that has a condition on the host lets no other in anyway.
    """
    spec: Any = getattr(getattr(request, "mount", None), "spec", None)
    if spec is not None and any(each.kind == "host" for each in spec.conditions):
        return ""
    known = {socket.gethostname().lower(), spec.server_name if spec is not None else ""} - {""}
    host = header(request, "host") or ""
    client, local = request.getClientAddress(), request.getHost()
    return rebound(host, _address(client), known, _address(local))


def rebound(host: str, client: str, known: Container[str], local: str = "") -> str:
    """
    Say why a name is none of this machine's.

    @param host: the Host header.
    @param client: the client's address; only one of this machine's own is doubted, for that
        is whom C{require = local} lets in.
    @param known: host names of this machine and of the configuration.
    @param local: the address that the client connected to, which is its own, too, when a
        browser on this machine was led to an address of it in the network.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        name = ""
    if not client or not same_machine(client, local):
        return ""
    if _is_loopback(name) or name in known or _is_address(name):
        return ""
    return (
        f"{name or 'its Host header'} is no name of this machine: use localhost or an address,"
        f" or give the mount host = {name or 'NAME'}"
    )


def _address(address: Any) -> str:
    return getattr(address, "host", "") or ""


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    return _is_address(name) and plain_address(name).is_loopback

"""
Checks of a configuration that need the layers above it; they only read files.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator

from txbalancer.config import Complaint, Doubt
from txbalancer.config.listeners import parse_endpoint
from txbalancer.control.logformat import compile_format
from txbalancer.core.access_rules import asks_for_users
from txbalancer.core.schemes import is_secure
from txbalancer.core.specs import MemberSpec, ServiceSpec, ToMember
from txbalancer.errors import StartError
from txbalancer.proxy.credentials import load as load_users
from txbalancer.tls.doubts import doubts_of, wanted_names
from txbalancer.tls.listeners import server_options
from txbalancer.tls.members import client_options

_OF_STATE = (
    "make it, for the service's user to write, or name another: `state =` of [txbalancer], in"
    " Apache's syntax DefaultRuntimeDir"
)
LONGEST_SOCKET = 107
"""Bytes of a path that the system takes for a socket."""


def check_tls(spec: ServiceSpec) -> Iterator[Complaint | Doubt]:
    """
    Load every certificate, key and file of authorities as a start would.
    """
    for listener in spec.listeners:
        try:
            tls = server_options(listener)
        except StartError as error:
            text = str(error).removeprefix(f"listener {listener.name}: ")
            key, _, rest = text.partition(" ")
            yield f"listener:{listener.name}", key, rest
            continue
        if tls is not None:
            for path, text in doubts_of(tls, wanted_names(spec, listener), time.time()):
                known = path in listener.tls_certificate or not listener.tls_certificates
                key = "tls-certificate" if known else "tls-certificates"
                key = "tls-key" if path in tls.idle_keys else key
                yield Doubt(f"listener:{listener.name}", key, f"{path}: {text}")
    for title, key, member in _members(spec):
        if is_secure(member.scheme):
            try:
                client_options(member)
            except StartError as error:
                yield title, key, f"{member.url}: {error}"


def check_log_formats(spec: ServiceSpec) -> Iterator[Complaint]:
    """
    Read the format of every access log.
    """
    formats = [("txbalancer", "access-log-format", spec.service.access_log_format)]
    formats += [(f"log:{each.name}", "to", text) for each in spec.logs for _, text in each.files]
    for title, key, text in formats:
        try:
            compile_format(text)
        except ValueError as error:
            yield title, key, str(error)


def check_log_paths(spec: ServiceSpec) -> Iterator[Complaint]:
    """
    See whether logs and state could be written by who runs this; nothing is created.

    For C{check} only: a start opens them, and a service that gave up its rights after
    that, or its directory, goes on with what it has open.
    """
    service = spec.service
    paths = [("txbalancer", "access-log", service.access_log)]
    paths += [("txbalancer", "error-log", service.error_log)] if service.error_log else []
    paths += [("txbalancer", "event-log", service.event_log)]
    # A state file is replaced by one that is written beside it.
    if service.state and not any(check_state_folder(spec)):
        fresh = service.state if os.path.isdir(service.state) else f"{service.state}.new"
        paths.append(("txbalancer", "state", fresh))
    paths += [(f"log:{each.name}", "to", where) for each in spec.logs for where, _ in each.files]
    for title, key, path in paths:
        fault = _why_not_writable(path)
        if fault:
            yield title, key, fault


def _why_not_writable(path: str) -> str:
    if path.lower() in ("-", "syslog", "off"):
        return ""
    folder = os.path.dirname(os.path.abspath(path))
    fault = ""
    if os.path.isdir(path):
        fault = f"{path} is a folder"
    elif os.path.exists(path):
        fault = "" if os.access(path, os.W_OK) else f"{path} cannot be written"
    elif not os.path.isdir(folder):
        fault = f"the folder {folder} is not there: create it, or name another"
    elif not os.access(folder, os.W_OK | os.X_OK):
        fault = f"the folder {folder} cannot be written"
    return fault


def check_sockets(spec: ServiceSpec) -> Iterator[Complaint]:
    """
    See whether unix sockets of listeners could be where they are named; a start opens them.
    """
    for listener in spec.listeners:
        for endpoint in listener.endpoint:
            try:
                kind, path, _ = parse_endpoint(endpoint)
            except ValueError:
                continue  # whoever read the configuration has told it
            fault = _place_fault(path) if kind == "unix" else ""
            if fault:
                yield f"listener:{listener.name}", "endpoint", fault


def check_control(spec: ServiceSpec) -> Iterator[Complaint]:
    """
    See whether a socket for commands could be at the path that is named, if one is.
    """
    fault = socket_fault(spec.service.control)
    if fault:
        yield "txbalancer", "control", fault


def socket_fault(option: str) -> str:
    """
    Say why C{control} names no place for a socket; empty when it does.
    """
    if option in ("auto", "off"):
        return ""
    path = os.path.abspath(option)
    folder = os.path.dirname(path)
    fault = _place_fault(path)
    if fault:
        return fault
    if os.stat(folder).st_mode & (stat.S_IWOTH | stat.S_ISVTX) == stat.S_IWOTH:
        return f"anybody may put a socket of their own into {folder}: chmod o-w it, or name another"
    return ""


def _place_fault(path: str) -> str:
    folder = os.path.dirname(path) or "."
    if len(os.fsencode(path)) > LONGEST_SOCKET:
        return f"a socket's path has {LONGEST_SOCKET} bytes at most: name a shorter one"
    if not os.path.isdir(folder):
        return f"the folder {folder} is not there: create it, or name another"
    if os.path.lexists(path) and not stat.S_ISSOCK(os.lstat(path).st_mode):
        return f"{path} is there and no socket: move it away, or name another"
    return ""


def check_passwords(spec: ServiceSpec) -> Iterator[Complaint]:
    """
    Read the files of passwords of those mounts that ask for any.
    """
    for mount in spec.mounts:
        if mount.auth_file and asks_for_users((*mount.require, *mount.operate)):
            try:
                load_users(mount.auth_file)
            except StartError as error:
                if isinstance(error.__cause__, OSError):
                    continue  # whoever read the configuration has told it, with what to do
                yield f"mount:{mount.label}", "auth-file", str(error)


def check_state_folder(spec: ServiceSpec) -> Iterator[Complaint]:
    """
    See whether the folder of the state is there; where a relative one begins, a start decides.
    """
    path = spec.service.state
    folder = os.path.dirname(path)
    if os.path.isabs(path) and not os.path.isdir(folder):
        yield "txbalancer", "state", f"the folder {folder} is not there: {_OF_STATE}"


CHECKS = (check_tls, check_log_formats, check_passwords, check_state_folder)
"""For C{check}, the start and a reload alike."""

COMMAND_CHECKS = (*CHECKS, check_log_paths, check_sockets, check_control)
"""All of them, for C{check}."""


def _members(spec: ServiceSpec) -> Iterator[tuple[str, str, MemberSpec]]:
    for balancer in spec.balancers:
        for member in balancer.members:
            yield f"balancer:{balancer.name}", "members", member
    for mount in spec.mounts:
        if isinstance(mount.target, ToMember):
            yield f"mount:{mount.label}", "to", mount.target.member

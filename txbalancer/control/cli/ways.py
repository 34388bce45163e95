"""
Where a service is: its unix socket, or the mount of its manager.
"""

from __future__ import annotations

import base64
import os
import ssl
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPSConnection
from urllib.parse import urlsplit

import click

from txbalancer.config.findings import Findings
from txbalancer.config.ini import is_ini, read_sections
from txbalancer.control.cli.client import UnixConnection, Way
from txbalancer.control.cli.exits import REFUSED, UNREACHED, USAGE, Fault
from txbalancer.control.cli.world import World

API = "/api/v1"
VARIABLE = "TXBALANCER_CONTROL"
PASSWORD = "TXBALANCER_PASSWORD"
_START = "Start it with `twistd txbalancer -c FILE`; with systemd: systemctl status txbalancer."
_ELSEWHERE = f"For a service elsewhere: --socket PATH, -c ITS-CONFIGURATION or ${VARIABLE}."


class Sockets:
    """
    The first of some unix sockets that somebody answers at.
    """

    def __init__(self, paths: tuple[str, ...]) -> None:
        """
        @param paths: one or more.
        """
        self.shown = paths[0]
        self.base = API
        self.headers: dict[str, str] = {}
        self._paths = paths

    def connect(self, timeout: float) -> HTTPConnection:
        """
        Open a connection.

        @raise Fault: nobody answers, with what is wrong with each path.
        """
        failed = []
        for each in self._paths:
            connection = UnixConnection(each, timeout)
            try:
                connection.connect()
            except OSError as error:
                failed.append((each, error))
            else:
                self.shown = each
                return connection
        raise self._unreached(failed)

    def lost(self, error: Exception) -> Fault:
        """
        Say that the service went away or does not answer.
        """
        if isinstance(error, TimeoutError):
            text, remedy = "does not answer", "The process is there, but stuck: see its log."
        else:
            text, remedy = "broke off before its answer was complete", "Was it stopped? " + _START
        return Fault(f"the service at {self.shown} {text}", UNREACHED, remedy)

    def _unreached(self, failed: list[tuple[str, OSError]]) -> Fault:
        # The one that is there tells more than those that are not.
        there = [each for each in failed if not isinstance(each[1], FileNotFoundError)]
        path, error = (there or failed)[0]
        if isinstance(error, PermissionError):
            return Fault(
                f"the socket {path} is not open to you",
                UNREACHED,
                "It belongs to the user of the service: use that user, or sudo.",
            )
        if isinstance(error, FileNotFoundError):
            tried = " and ".join(each for each, _ in failed)
            return Fault(
                f"no service answers at {tried}: is it running?",
                UNREACHED,
                f"{_START}\n{_ELSEWHERE}",
            )
        why = error.strerror or str(error)
        return Fault(f"no service answers at {path}: {why}", UNREACHED, f"Is it running? {_START}")


class Address:
    """
    The mount of a manager, by HTTP or HTTPS.
    """

    def __init__(self, url: str, user: str, password: str, cacert: str = "") -> None:
        """
        @param user: may be empty, for none.
        @param cacert: PEM file of who may sign the service's certificate; empty for the system's.
        @raise Fault: for what is no URL, or a file that cannot be read.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Fault(
                f"{url!r} is no address of a manager",
                USAGE,
                "It is written as https://host/balancer-manager.",
            )
        self.shown = url
        self.base = parts.path.rstrip("/") + API
        self.headers = {}
        if user:
            token = base64.b64encode(f"{user}:{password}".encode()).decode()
            self.headers["Authorization"] = f"Basic {token}"
        self._host, self._port = parts.hostname, _port(url)
        self._context = _context(cacert) if parts.scheme == "https" else None

    def connect(self, timeout: float) -> HTTPConnection:
        """
        Open a connection.
        """
        if self._context is None:
            return HTTPConnection(self._host, self._port, timeout=timeout)
        return HTTPSConnection(self._host, self._port, timeout=timeout, context=self._context)

    def lost(self, error: Exception) -> Fault:
        """
        Say that nobody answers there.
        """
        remedy = "Is the address right, and is the service running?"
        if isinstance(error, ssl.SSLCertVerificationError):
            why = f"its certificate is refused: {error.verify_message}"
            remedy = "For a certificate authority of your own: --cacert FILE."
        elif isinstance(error, TimeoutError):
            why = "no answer in time"
        else:
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return Fault(f"{self.shown} is not reached: {why}", UNREACHED, remedy)


def _in_the_clear(url: str) -> bool:
    """
    Tell whether what is sent to a URL leaves this machine unencrypted.
    """
    host = urlsplit(url).hostname or ""
    local = host in ("localhost", "::1") or host.startswith("127.")
    return url.startswith("http://") and not local


def _port(url: str) -> int | None:
    try:
        return urlsplit(url).port
    except ValueError as error:
        raise Fault(f"{url!r}: {error}", USAGE) from error


def _context(cacert: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=cacert or None)
    except (OSError, ssl.SSLError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise Fault(f"--cacert {cacert}: {why}", USAGE) from error


def find(
    world: World, *, sockets: str = "", config: str = "", url: str = "", user: str = "",
    cacert: str = "",
) -> Way:  # fmt: skip
    """
    Find the service from the options of a command and the environment.

    @raise Fault: for options that do not go together, or a service that has no socket.
    """
    given = [
        name for name, value in (("--socket", sockets), ("-c", config), ("--url", url)) if value
    ]
    if len(given) > 1:
        raise Fault(f"{' and '.join(given)} both say where the service is: give one", USAGE)
    if not given:
        known = world.environ.get(VARIABLE, "")
        if known.startswith(("http://", "https://")):
            url = known
        else:
            sockets = known
    if url:
        if user and _in_the_clear(url):
            click.echo("warning: http:// sends the password unencrypted; use https://", err=True)
        return Address(url, user, _password(world, user), cacert)
    if user or cacert:
        raise Fault("--user and --cacert are for --url", USAGE)
    if sockets:
        return Sockets((sockets,))
    named = _configured(config) if config else ""
    if named:
        # The service takes it from the folder that it was started in.
        beside = os.path.join(os.path.dirname(os.path.abspath(config)), named)
        return Sockets(tuple(dict.fromkeys((os.path.abspath(named), beside))))
    return Sockets(usual(world.environ))


def usual(environ: Mapping[str, str]) -> tuple[str, ...]:
    """
    Return where the socket of C{control = auto} may be, in the order in which the service
    chooses.
    """
    folders = (environ.get("RUNTIME_DIRECTORY", "").partition(":")[0], "/run/txbalancer")
    own = environ.get("XDG_RUNTIME_DIR", "")
    paths = [f"{folder}/control.sock" for folder in folders if folder]
    if own:
        paths.append(f"{own}/txbalancer/control.sock")
    return tuple(dict.fromkeys(paths))


def _configured(path: str) -> str:
    """
    Return C{control} of a configuration; empty for C{auto}.

    Only that line is read: faults elsewhere in the file do not keep anybody from a service.
    """
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError as error:
        raise Fault(f"{path}: cannot be read: {error.strerror}", USAGE) from error
    if not is_ini(text):
        return ""
    for section in read_sections(text, Findings(path)):
        if section.kind == "txbalancer" and "control" in section.entries:
            entry = section.entries["control"]
            if entry.value.lower() == "off":
                raise Fault(
                    f"{path}:{entry.line}: control = off: the service has no socket",
                    UNREACHED,
                    "Set control = auto and reload it, or use --url.",
                )
            return "" if entry.value.lower() == "auto" else entry.value
    return ""


def _password(world: World, user: str) -> str:
    if not user:
        return ""
    given = world.environ.get(PASSWORD)
    if given is not None:
        return given
    if world.secret is None:
        raise Fault("there is nobody to ask for the password", REFUSED, f"Set ${PASSWORD}.")
    return world.secret(f"Password of {user}: ")

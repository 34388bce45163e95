"""
The parameters of a request to a FastCGI member.
"""

from __future__ import annotations

from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING

from txbalancer import __version__
from txbalancer.core.authority import name_and_port
from txbalancer.core.cgi import ScriptRules, variable_of
from txbalancer.core.specs import MountSpec
from txbalancer.core.variables import Facts, fill, parse_text
from txbalancer.fastcgi.records import pair, pairs
from txbalancer.http1.heads import CHUNKED
from txbalancer.proxy.served import local_address

if TYPE_CHECKING:
    from txbalancer.proxy.exchange import Exchange

_MOST_REMEMBERED = 1024 * 1024
_ALWAYS = pair(b"GATEWAY_INTERFACE", b"CGI/1.1") + pair(
    b"SERVER_SOFTWARE", b"txbalancer/" + __version__.encode()
)
_UNSIZED = pair(b"HTTP_TRANSFER_ENCODING", b"chunked")
_BASIC = pair(b"AUTH_TYPE", b"Basic")

_NAME, _PARAMETER = itemgetter(0), itemgetter(1)

Variable = tuple[bytes, bytes, bytes]
"""Name, parameter as it is sent, value."""


class HeaderVariables:
    """
    Header lines as parameters, each made once.

    What becomes of a line depends on the line alone, and most lines of a request came
    before just so; see L{Lines<txbalancer.http1.lines.Lines>}.
    """

    __slots__ = ("_get", "_made", "_passes_authorization", "_size")

    def __init__(self, passes_authorization: bool) -> None:
        self._passes_authorization = passes_authorization
        self._made: dict[bytes, Variable | None] = {}
        self._size = 0
        self._get = self._made.__getitem__

    def encode(self, lines: list[bytes]) -> list[bytes]:
        """
        Return the parameters of header lines; repeated names make one.
        """
        try:
            found = list(filter(None, map(self._get, lines)))
        except KeyError:
            self._learn(lines)
            found = list(filter(None, map(self._get, lines)))
        if len(set(map(_NAME, found))) == len(found):
            return list(map(_PARAMETER, found))
        joined: dict[bytes, bytes] = {}
        for name, _, value in found:
            before = joined.get(name)
            between = b"; " if name == b"HTTP_COOKIE" else b", "
            joined[name] = value if before is None else before + between + value
        return [pair(*each) for each in joined.items()]

    def _learn(self, lines: list[bytes]) -> None:
        made = self._made
        if self._size > _MOST_REMEMBERED:
            made.clear()
            self._size = 0
        for line in lines:
            if line not in made:
                found = variable_of(line, self._passes_authorization)
                made[line] = found and (found[0], pair(*found), found[1])
                self._size += 3 * len(line) + 256


_HEADERS = {passes: HeaderVariables(passes) for passes in (False, True)}


class Params:
    """
    What the requests of one mount tell FastCGI members.

    @ivar rules: how scripts are found.
    """

    __slots__ = ("_edits", "_headers", "_script", "rules")

    def __init__(self, spec: MountSpec) -> None:
        self.rules = ScriptRules(spec)
        self._headers = _HEADERS[spec.cgipassauth]
        self._edits = [
            (each.name.encode(), None if each.value is None else parse_text(each.value))
            for each in spec.fcgiparam
        ]
        self._script = lru_cache(1024)(self._write_script)

    def write(
        self,
        exchange: Exchange,
        method: bytes,
        target: bytes,
        lines: list[bytes],
        body: int,
        place: bytes,
    ) -> bytes:
        """
        Write the parameters of a request.

        @param target: path and query on the member, as they would be sent in HTTP.
        @param lines: header lines, Host first.
        @param body: the length of the body, or as of L{RequestHead.body}.
        @param place: the member, as C{fcgi://HOST:PORT}.
        @raise ClientError: the path must not reach a file system.
        """
        head = exchange.head
        peer = head.peer
        told = peer.told
        client = told.get("fcgi") if told is not None else None
        if client is None:
            client = _introduce(exchange)
        path, _, query = target.partition(b"?")
        uri = head.target
        if uri[:1] != b"/":
            uri = head.path if head.query is None else head.path + b"?" + head.query
        found = [
            self._script(path, head.path, place),
            _start(method, head.minor),
            pair(b"REQUEST_URI", uri),
            pair(b"QUERY_STRING", query),
            client,
            _server(head.host or lines[0][6:], peer.secure),
            *self._headers.encode(lines),
        ]
        if body >= 0:
            found.append(pair(b"CONTENT_LENGTH", b"%d" % body))
        elif body == CHUNKED:
            found.append(_UNSIZED)
        if head.user is not None:
            found += (_BASIC, pair(b"REMOTE_USER", head.user))
        made = b"".join(found)
        return self._edited(made, exchange.facts()) if self._edits else made

    def filename(self, exchange: Exchange, target: bytes, place: bytes) -> bytes:
        """
        Return the SCRIPT_FILENAME of a request that was written.
        """
        made = self._script(target.partition(b"?")[0], exchange.head.path, place)
        if self._edits:
            made = self._edited(made, exchange.facts())
        return dict(pairs(made)).get(b"SCRIPT_FILENAME", b"")

    def _edited(self, made: bytes, facts: Facts) -> bytes:
        params = dict(pairs(made))
        for name, parts in self._edits:
            if parts is None:
                params.pop(name, None)
            else:
                params[name] = fill(parts, facts)
        return b"".join([pair(*each) for each in params.items()])

    def _write_script(self, path: bytes, url: bytes, place: bytes) -> bytes:
        script = self.rules.find(path, url, place)
        found = [pair(b"SCRIPT_NAME", script.name), pair(b"SCRIPT_FILENAME", script.filename)]
        if script.root:
            found.append(pair(b"DOCUMENT_ROOT", script.root))
        if script.info:
            found.append(pair(b"PATH_INFO", script.info))
            found.append(pair(b"PATH_TRANSLATED", script.root + script.info))
        return b"".join(found)


@lru_cache(64)
def _start(method: bytes, minor: int) -> bytes:
    protocol = pair(b"SERVER_PROTOCOL", b"HTTP/1.%d" % minor)
    return _ALWAYS + pair(b"REQUEST_METHOD", method) + protocol


@lru_cache(1024)
def _server(host: bytes, secure: bool) -> bytes:
    name, port = name_and_port(host, secure)
    return pair(b"SERVER_NAME", name) + pair(b"SERVER_PORT", b"%d" % port)


def _introduce(exchange: Exchange) -> bytes:
    """
    Write what there is to say of a client's connection, and keep it there.
    """
    peer = exchange.head.peer
    if peer.local is None:
        peer.local = local_address(exchange.channel)
    scheme = pair(b"REQUEST_SCHEME", b"https" if peer.secure else b"http")
    made = (
        pair(b"REMOTE_ADDR", peer.client.encode()) + pair(b"REMOTE_PORT", b"%d" % peer.port)
    ) + scheme
    if peer.local:
        made += pair(b"SERVER_ADDR", peer.local.encode())
    if peer.secure:
        made += pair(b"HTTPS", b"on")
    if peer.told is None:
        peer.told = {}
    peer.told["fcgi"] = made
    return made

"""
Answers that need no member: errors, redirects, fixed statuses.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from txbalancer.core.mounts import Mount
from txbalancer.core.outcome import Outcome
from txbalancer.core.variables import Facts
from txbalancer.errors import ClientError
from txbalancer.http1.heads import CHUNKED, NO_BODY, RequestHead, find_header
from txbalancer.proxy.errorpages import error_page
from txbalancer.proxy.served import Served

if TYPE_CHECKING:
    from txbalancer.proxy.channel import ClientChannel
    from txbalancer.proxy.runtime import Runtime
    from txbalancer.proxy.site import Site

_PATIENCE = 65536
"""A body up to this size is read before the answer, so that the connection can stay."""

METHODS = b"GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH, TRACE"


def start_line(status: int) -> bytes:
    """
    Write the status line of an answer made here.
    """
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Status"
    return f"HTTP/1.1 {status} {phrase}".encode("ascii")


def page(
    head: RequestHead, status: int, reason: str, text: str, date: bytes
) -> tuple[list[bytes], bytes]:
    """
    Make header lines and body of a small page that says what is wrong.
    """
    kind, body = error_page(status, reason, text, head.header(b"accept") or b"")
    return [date, b"Content-Type: " + kind, b"Cache-Control: no-store"], body


class Sent:
    """
    The head of an answer that was made here, for records.
    """

    __slots__ = ("_length", "_lines")

    def __init__(self, lines: list[bytes], length: int) -> None:
        """
        @param lines: its header lines, without those that frame the body.
        @param length: of the body; less than 0 where none was announced.
        """
        self._lines, self._length = lines, length

    def header(self, name: bytes) -> bytes | None:
        """
        Return a header's value by its lower-case name, C{None} when absent.
        """
        if name == b"content-length":
            return b"%d" % self._length if self._length >= 0 else None
        return find_header(self._lines, name)


class LocalAnswer(Served):
    """
    A request that is answered without a member.
    """

    __slots__ = ("_body", "_length", "_lines", "_mount", "_waiting")

    def __init__(
        self,
        runtime: Runtime,
        channel: ClientChannel,
        head: RequestHead,
        status: int,
        reason: str,
        mount: Mount | None = None,
    ) -> None:
        """
        @param mount: the mount that the request belongs to, for its header edits.
        """
        super().__init__(runtime, channel, head)
        self.status = status
        self.reason = reason
        self._mount = mount
        self._lines: list[bytes] = []
        self._body = b""
        self._length = NO_BODY
        self._waiting = False

    def send_page(self, text: str) -> None:
        """
        Answer with a page that says what is wrong.
        """
        lines, body = page(self.head, self.status, self.reason, text, self.runtime.date_line())
        if self.status == 405:
            lines.append(b"Allow: " + METHODS)
        self.send(lines, body)

    def send(self, lines: list[bytes], body: bytes) -> None:
        """
        Answer; a small body of the request is read first.
        """
        self._lines, self._body = self.edited(lines), body
        announced = self.head.body
        if (0 < announced <= _PATIENCE or announced == CHUNKED) and not self.head.expects:
            self._waiting = True
        else:
            self._respond()

    def edited(self, lines: list[bytes], content: bool = False) -> list[bytes]:
        """
        Make the mount's header edits.

        @param content: whether there is what was asked for; else only those of C{always}.
        """
        mount = self._mount
        if mount is None or mount.editor is None:
            return lines
        now, head = self.runtime.now(), self.head
        elapsed = now - self.started
        name = mount.server_name or head.peer.server_name
        facts = Facts(head, name, self.runtime.wall() - elapsed, elapsed)
        return mount.editor.edit(lines, facts, content)

    def request_data(self, data: bytes) -> None:
        """
        Read on, within reason.
        """
        super().request_data(data)
        if self._waiting and self.bytes_in > _PATIENCE:
            self._respond()

    def request_end(self, trailers: list[bytes]) -> None:
        """
        Now the answer can go.
        """
        if self._waiting:
            self._respond()

    def client_error(self, error: ClientError) -> None:
        """
        The request is not worth waiting for.
        """
        if self._waiting:
            self._respond()

    def _respond(self) -> None:
        self._waiting = False
        body = self._body
        bodiless = self.status in (204, 304)
        self._length = length = NO_BODY if bodiless else len(body)
        sent = b"" if bodiless or self.head.method == b"HEAD" else body
        self.bytes_out = len(sent)
        self.channel.respond(start_line(self.status), self._lines, length, sent, True)
        self.finish(self.reason)
        self.channel.finished()

    def outcome(self) -> Outcome:
        """
        Record an answer that no member had a part in.
        """
        now = self.runtime.now()
        return Outcome(
            request=self.head,
            peer=self.head.peer,
            status=self.status,
            reason=self.reason,
            bytes_in=self.bytes_in,
            bytes_out=self.bytes_out,
            started=self.runtime.wall() - (now - self.started),
            duration=now - self.started,
            response=Sent(self._lines, self._length) if self._lines else None,
        )


class RedirectTarget:
    """
    Sends clients elsewhere: C{to = redirect:…}.
    """

    def __init__(self, status: int) -> None:
        self._status = status

    def begin(
        self, site: Site, channel: ClientChannel, head: RequestHead, mount: Mount, path: bytes
    ) -> None:
        """
        Answer with a Location.
        """
        try:
            location = mount.location(head)
        except ClientError as error:
            site.answer(channel, head, error.status, error.reason, str(error), mount)
            return
        answer = LocalAnswer(site.runtime, channel, head, self._status, "ok", mount)
        answer.send([site.runtime.date_line(), b"Location: " + location], b"")


class StatusTarget:
    """
    Answers with a fixed status: C{to = status:…}, and C{!}, which is 404.
    """

    def __init__(self, status: int, reason: str) -> None:
        self._status, self._reason = status, reason

    def begin(
        self, site: Site, channel: ClientChannel, head: RequestHead, mount: Mount, path: bytes
    ) -> None:
        """
        Answer with a small page.
        """
        site.answer(channel, head, self._status, self._reason, "", mount)

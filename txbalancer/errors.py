"""
One tree of errors, each knowing the answer it means for a client.

Expected results (an L{Outcome<txbalancer.core.outcome.Outcome>}, a decision) are
values; these are for what must end an exchange or a start.
"""

from __future__ import annotations

import errno

_NO_DESCRIPTOR = {
    errno.EMFILE: "no file descriptor is free",
    errno.ENFILE: "no file descriptor is free on this machine",
}


def why(error: Exception) -> str:
    """
    Say shortly why the system refused something, such as to open a file.
    """
    found = _NO_DESCRIPTOR.get(getattr(error, "errno", None) or 0)
    return found or getattr(error, "strerror", None) or str(error) or type(error).__name__


class BalancerError(Exception):
    """
    Root of the tree.

    @cvar status: the HTTP status a client gets, 0 for none.
    @cvar reason: one word for the access log and metrics.
    """

    status = 500
    reason = "internal"

    @property
    def cause(self) -> str:
        """
        What people are told of a member that failed so.
        """
        return self.reason


class ConfigError(BalancerError):
    """
    One fault in a configuration, with its place.

    @ivar line: 1-based, 0 when the fault has no line.
    """

    reason = "config"

    def __init__(self, path: str, line: int, section: str, key: str, text: str) -> None:
        super().__init__(path, line, section, key, text)
        self.path, self.line, self.section, self.key, self.text = path, line, section, key, text

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}: " if self.line else f"{self.path}: "
        if self.section:
            place += f"[{self.section}] "
        if self.key:
            place += f"{self.key}: "
        return place + self.text


class ConfigErrors(BalancerError):
    """
    Every fault of a configuration at once, in line order.
    """

    reason = "config"

    def __init__(self, errors: list[ConfigError]) -> None:
        super().__init__(errors)
        self.errors = sorted(errors, key=lambda each: (each.path, each.line))

    def __str__(self) -> str:
        return "\n".join(map(str, self.errors))


class StartError(BalancerError):
    """
    The service cannot start: a port, certificate or log is not to be had.
    """

    reason = "start"


class UpgradeError(BalancerError):
    """
    No other process has taken the place of this one, which goes on.
    """


class NoMemberAvailable(BalancerError):
    """
    No member of the balancer can take the request.
    """

    status = 503
    reason = "no-member"


class BreakerOpen(NoMemberAvailable):
    """
    The circuit breaker of the balancer is open.
    """

    reason = "breaker-open"


class SessionRefused(NoMemberAvailable):
    """
    The session's member is out and C{nofailover} forbids another.
    """

    reason = "session-refused"


class QueueTimeout(NoMemberAvailable):
    """
    All connections of the member stayed busy for C{acquire}, or its queue is full.
    """

    reason = "queue-full"


class Exhausted(QueueTimeout):
    """
    There is no descriptor for another connection: no member is to blame, and one of the others
    may have a connection that is free.
    """

    reason = "no-descriptors"


class MemberError(BalancerError):
    """
    A member failed; C{sent} tells whether any request byte may have reached it.
    """

    status = 502
    reason = "member-error"


class ConnectFailed(MemberError):
    """
    No connection to the member: refused, unreachable, or its name is unknown.
    """

    status = 503
    reason = "connect-failed"

    @property
    def cause(self) -> str:
        """
        The reason, and the last part of the text where that is about the system's own.
        """
        told = str(self).partition(": ")[2].rpartition(": ")[2].rstrip(".")
        return f"{self.reason}: {told}" if told else self.reason


class Refused(ConnectFailed):
    """
    Nobody takes datagrams at the member's address: the network said so.
    """

    reason = "refused"


class ConnectTimeout(ConnectFailed):
    """
    No connection to the member within C{connectiontimeout}.
    """

    status = 504
    reason = "connect-timeout"


class PingTimeout(ConnectFailed):
    """
    The member did not say within C{ping} that it is there; it has had no body to act on.
    """

    reason = "ping-timeout"


class TLSFailed(ConnectFailed):
    """
    The TLS handshake with the member failed, or its certificate was not accepted.
    """

    status = 502
    reason = "tls-failed"


class ResponseTimeout(MemberError):
    """
    The member was silent for C{timeout}.
    """

    status = 504
    reason = "response-timeout"


class MemberClosed(MemberError):
    """
    The member closed the connection before the head of its answer was over.
    """

    reason = "member-closed"


class StreamRefused(MemberClosed):
    """
    The member has not acted on the request and never will, so that it can be sent again,
    whatever it is (RFC 9113 8.7).
    """

    reason = "stream-refused"


class RetryDenied(MemberError):
    """
    The attempt failed, and C{retry-budget} has no room for another.
    """

    reason = "retry-budget"

    def __init__(self, text: str, failure: BalancerError) -> None:
        super().__init__(text)
        self.status = failure.status


class BadResponse(MemberError):
    """
    The member's answer breaks HTTP/1.1; it is never passed on.
    """

    reason = "bad-response"


class Truncated(MemberError):
    """
    The member's answer ended before its body was complete.
    """

    reason = "truncated"


class ClientError(BalancerError):
    """
    The client's request cannot be taken; the connection is closed after the answer.
    """

    status = 400
    reason = "bad-request"

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        if status:
            self.status = status


class PlainOnTLS(ClientError):
    """
    The client speaks plain HTTP to a port of TLS.
    """

    reason = "plain-on-tls"


class TLSOnPlain(ClientError):
    """
    The client speaks TLS to a port of plain HTTP.
    """

    reason = "tls-on-plain"


class ClientGone(ClientError):
    """
    The client left before its answer was complete.
    """

    status = 0
    reason = "client-gone"


class Stopped(ClientGone):
    """
    The service ended before the answer was complete.
    """

    reason = "stopped"


class ClientTimeout(ClientError):
    """
    The client made no progress in time.
    """

    status = 408
    reason = "client-timeout"


class BodyTooLarge(ClientError):
    """
    The request's body is over the limit.
    """

    status = 413
    reason = "body-too-large"

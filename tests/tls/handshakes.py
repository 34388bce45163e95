"""
TLS handshakes in memory.
"""

from __future__ import annotations

from OpenSSL import SSL


class Protocol:
    """
    What a TLS connection's owner is asked for.
    """

    def __init__(self) -> None:
        self.failures: list[object] = []

    def failVerification(self, reason) -> None:
        self.failures.append(reason.value)


def shake(server, creator) -> tuple[SSL.Connection, SSL.Connection]:
    """
    Let a client of C{creator} and a server shake hands.

    @return: both ends, the client's first.
    @raise SSL.Error: when one of them refuses.
    """
    if isinstance(server, SSL.Context):
        accepting = SSL.Connection(server, None)
    else:
        accepting = server.serverConnectionForTLS(None)
    accepting.set_accept_state()
    connecting = creator.clientConnectionForTLS(Protocol())
    connecting.set_connect_state()
    done: set[SSL.Connection] = set()
    while len(done) < 2:
        for one, other in ((connecting, accepting), (accepting, connecting)):
            try:
                one.do_handshake()
                done.add(one)
            except SSL.WantReadError:
                pass
            finally:
                _pass_on(one, other)
    return connecting, accepting


def _pass_on(one: SSL.Connection, other: SSL.Connection) -> None:
    try:
        while True:
            other.bio_write(one.bio_read(65536))
    except SSL.WantReadError:
        pass

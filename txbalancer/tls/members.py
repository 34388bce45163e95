"""
TLS towards members: who must have signed the certificate, and whom it must name.
"""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL
from service_identity import VerificationError
from service_identity.hazmat import DNS_ID, IPAddress_ID, verify_service_identity
from service_identity.pyopenssl import extract_patterns
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from txbalancer.core.specs import MemberSpec
from txbalancer.tls.causes import misnamed, refusal, untrusted
from txbalancer.tls.clients import client_context


@implementer(IOpenSSLClientConnectionCreator)
class MemberTLS:
    """
    Makes the client's end of TLS connections to one member.
    """

    def __init__(
        self, context: SSL.Context, host: str, verify: bool, check_name: bool, depth: int
    ) -> None:
        """
        @param host: whom the certificate must name; a name is told to the member, too.
        @param verify: the certificate must come from a trusted authority.
        @param check_name: whether it must name C{host}.
        @param depth: certificates above it, that of the trusted authority among them.
        """
        self._context, self._verify, self._depth = context, verify, depth
        literal = isIPAddress(host) or isIPv6Address(host)
        self._server_name = None if literal else host.encode("idna")
        self._wanted = host
        self._ids: list[Any] = []
        if check_name:
            self._ids = [IPAddress_ID(host) if literal else DNS_ID(host)]

    def clientConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """
        Make one connection; the checks run during its handshake.
        """
        connection = SSL.Connection(self._context, None)
        connection.set_app_data(protocol)
        if self._server_name is not None:
            connection.set_tlsext_host_name(self._server_name)

        def checked(
            connection: SSL.Connection, certificate: Any, error: int, depth: int, trusted: int
        ) -> bool:
            if self._verify and not trusted:
                protocol.failVerification(untrusted(error))
                return False
            if self._verify and depth > self._depth:
                # OpenSSL's own limit does not count the trusted one, Apache's does.
                text = "certificate chain longer than sslproxyverifydepth"
                protocol.failVerification(refusal(text))
                return False
            if depth == 0 and self._ids:
                patterns = extract_patterns(certificate)
                try:
                    verify_service_identity(patterns, self._ids, [])
                except VerificationError:
                    protocol.failVerification(misnamed(list(patterns), self._wanted))
                    return False
            return True

        mode = SSL.VERIFY_PEER if self._verify or self._ids else SSL.VERIFY_NONE
        connection.set_verify(mode | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, checked)
        return connection


def client_options(member: MemberSpec) -> MemberTLS:
    """
    Return how to speak TLS to a member, by its C{sslproxy…} options.

    @raise StartError: when a file of the options cannot be used; it is named.
    """
    return MemberTLS(
        client_context(member),
        member.sni or member.host,
        member.sslproxyverify == "require",
        member.sslproxycheckpeername,
        member.sslproxyverifydepth,
    )

"""
Listeners with certificates, and what clients get to see of them.
"""

from __future__ import annotations

from cryptography import x509
from OpenSSL import SSL

from tests.integration.certificates import Pair
from tests.tls.pipes import Client, Listening, client_context
from txbalancer.core.specs import ListenerSpec
from txbalancer.tls.listeners import ListenerTLS


def spec(*pairs: Pair, **options) -> ListenerSpec:
    """
    Make a listener with these certificates.
    """
    return ListenerSpec(
        "web",
        tls_certificate=tuple(str(each.certificate) for each in pairs),
        tls_key=tuple(str(each.key) for each in pairs),
        **options,
    )


def shake(tls: ListenerTLS | None, name: str = "", context=None, session=None) -> Client:
    """
    Connect, and return the client's end after the handshake.
    """
    _, end = Listening(tls).accept()
    client = Client(end, context or client_context(), name.encode())
    if session is not None:
        client.tls.set_session(session)
    client.shake()
    client.taken()
    return client


def serial(client: Client) -> int:
    """
    Return which certificate a client saw.
    """
    return client.tls.get_peer_certificate(as_cryptography=True).serial_number


def number(pair: Pair) -> int:
    """
    Return the serial number of a certificate.
    """
    return x509.load_pem_x509_certificate(pair.certificate.read_bytes()).serial_number


def showing(pair: Pair | None) -> SSL.Context:
    """
    Make the context of a client with a certificate.
    """
    context = client_context()
    if pair is not None:
        context.use_certificate_file(str(pair.certificate))
        context.use_privatekey_file(str(pair.key))
    return context

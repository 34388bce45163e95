"""
OCSP answers that go with certificates.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed448, ed25519, rsa
from cryptography.x509 import ocsp

from tests.integration.certificates import Authority, Pair
from tests.tls.listening import spec
from tests.tls.pipes import Client, Listening, client_context
from txbalancer.tls.listeners import ListenerTLS, server_options


def stapled(tls: ListenerTLS | None) -> bytes:
    """
    Return what OCSP answer a client gets.
    """
    found: list[bytes] = []
    context = client_context()
    context.set_ocsp_client_callback(lambda connection, data, _: found.append(data) or True)
    _, end = Listening(tls).accept()
    client = Client(end, context, b"one.test")
    client.tls.request_ocsp()
    client.shake()
    assert len(found) == 1
    return found[0]


def chained(authority: Authority, pair: Pair) -> None:
    """
    Put the authority's certificate behind the other.
    """
    pair.certificate.write_bytes(pair.certificate.read_bytes() + authority.file.read_bytes())


def test_an_ocsp_answer_beside_the_certificate_is_stapled(authority) -> None:
    """
    As long as it holds; and not with tls-stapling = Off, or when it is there no more.
    """
    pair = authority.issue("one.test")
    chained(authority, pair)
    path = authority.staple(pair)
    tls = server_options(spec(pair))
    assert stapled(tls) == path.read_bytes()
    assert tls.certificates[0].doubts == ()
    assert stapled(server_options(spec(pair, tls_stapling=False))) == b""
    path.unlink()
    renewed = server_options(tls.spec, tls)
    renewed.publish()
    assert stapled(renewed) == b""


def test_answers_that_are_not_stapled(authority, stranger) -> None:
    """
    One that has ended, is about another certificate, is no answer, says revoked or is signed
    by somebody else: the certificate is shown without, and it is told.
    """
    pair = authority.issue("one.test")
    chained(authority, pair)
    path = Path(f"{pair.certificate}.ocsp")
    other = authority.issue("two.test")
    assert stapled(server_options(spec(pair))) == b""
    for make, text in (
        (lambda: path.write_bytes(authority.staple(other).read_bytes()), "about another"),
        (lambda: path.write_bytes(b"nonsense"), "no OCSP answer is stapled: "),
        (lambda: authority.staple(pair, good=False), "the certificate is REVOKED"),
        (lambda: stranger.staple(pair), "its signature is wrong"),
    ):
        make()
        tls = server_options(spec(pair))
        assert any(text in each for each in tls.certificates[0].doubts), text
        assert stapled(tls) == b""
    authority.staple(pair, hours=-1)
    assert stapled(server_options(spec(pair))) == b""
    path.write_bytes(b"")
    assert server_options(spec(pair)).certificates[0].doubts == ()
    path.unlink()


def test_each_kind_has_its_own_answer(authority) -> None:
    """
    With an RSA and an ECDSA certificate the answer is about the one that is shown.
    """
    pairs = [authority.issue("one.test", rsa_key=each, stem=f"o{each}") for each in (False, True)]
    for pair in pairs:
        chained(authority, pair)
    authority.staple(pairs[1])
    assert stapled(server_options(spec(*pairs))) == b""
    path = authority.staple(pairs[0])
    assert stapled(server_options(spec(*pairs))) == path.read_bytes()


@pytest.mark.parametrize(
    ("usage", "text"),
    [(True, ""), (False, "its signer may not sign OCSP answers"), (None, "no OCSP answer")],
)
def test_answers_signed_for_the_issuer(authority, usage, text) -> None:
    """
    Whoever has the issuer's word for it may sign, and nobody else of its clients.
    """
    pair = authority.issue("one.test")
    chained(authority, pair)
    authority.staple(pair, signer=authority.ocsp_signer(usage))
    tls = server_options(spec(pair))
    doubts = tls.certificates[0].doubts
    assert (text in doubts[0]) if text else doubts == ()
    assert bool(stapled(tls)) is not bool(text)
    Path(f"{pair.certificate}.ocsp").unlink()


@pytest.mark.parametrize("kind", ["rsa", "ed25519", "ed448"])
def test_keys_that_sign_answers(tmp_path, kind) -> None:
    """
    RSA and Ed25519 are known beside ECDSA; another way to sign is told.
    """
    keys = {
        "rsa": lambda: rsa.generate_private_key(65537, 2048),
        "ed25519": ed25519.Ed25519PrivateKey.generate,
        "ed448": ed448.Ed448PrivateKey.generate,
    }
    authority = Authority(tmp_path, key=keys[kind]())
    pair = authority.issue("one.test")
    chained(authority, pair)
    authority.staple(pair)
    tls = server_options(spec(pair))
    doubts = tls.certificates[0].doubts
    if kind == "ed448":
        assert "signed in a way that is not known here" in doubts[0]
    else:
        assert doubts == ()
        assert stapled(tls) != b""


def test_answers_that_openssl_wrote_for_errors(authority) -> None:
    """
    An answer that is no answer, and a file that cannot be read.
    """
    pair = authority.issue("one.test")
    chained(authority, pair)
    path = Path(f"{pair.certificate}.ocsp")
    failed = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
    path.write_bytes(failed.public_bytes(serialization.Encoding.DER))
    assert "the answer is TRY_LATER" in server_options(spec(pair)).certificates[0].doubts[0]
    path.unlink()
    path.mkdir()
    assert "Is a directory" in server_options(spec(pair)).certificates[0].doubts[0]
    path.rmdir()
    authority.staple(pair, hours=None)
    assert "how long it holds" in server_options(spec(pair)).certificates[0].doubts[0]
    path.unlink()

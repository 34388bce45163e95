"""
Certificates as clients get to see them: by name, by ability, new ones, with what goes with them.
"""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed448, ed25519, rsa
from cryptography.x509 import ocsp
from OpenSSL import SSL

from tests.integration.certificates import Authority, Pair
from tests.tls.pipes import Client, Listening, client_context
from txbalancer.core.specs import ListenerSpec
from txbalancer.errors import StartError
from txbalancer.tls.bindings import resumed
from txbalancer.tls.listeners import ListenerTLS, server_options


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


def copy(pair: Pair, folder: Path, name: str) -> Path:
    """
    Put a certificate with its key into one file of a folder.
    """
    path = folder / name
    path.write_bytes(pair.certificate.read_bytes() + pair.key.read_bytes())
    return path


def test_the_name_chooses(authority) -> None:
    """
    Exact, by a star, and the first where nothing fits or nothing was said.
    """
    one, two, three = authority.issue("one.test"), authority.issue("*.two.test"), None
    three = authority.issue("three.test", "drei.test")
    tls = server_options(spec(one, two, three))
    for name, pair in (
        ("one.test", one),
        ("a.two.test", two),
        ("two.test", one),
        ("DREI.test", three),
        ("other.test", one),
        ("", one),
    ):
        assert serial(shake(tls, name)) == number(pair), name


def test_a_folder_has_many(authority, tmp_path) -> None:
    """
    Every file of a folder is a certificate with its key, which may be beside it; keys, OCSP
    answers and hidden files are none. The first by name is the default.
    """
    one, two = authority.issue("one.test"), authority.issue("two.test")
    copy(two, tmp_path, "b.pem")
    shutil.copy(one.certificate, tmp_path / "a.crt")
    shutil.copy(one.key, tmp_path / "a.crt.key")
    (tmp_path / ".hidden").write_text("nothing")
    (tmp_path / "more").mkdir()
    tls = server_options(ListenerSpec("web", tls_certificates=str(tmp_path)))
    assert serial(shake(tls, "two.test")) == number(two)
    assert serial(shake(tls)) == number(one)


def test_what_is_wrong_in_a_folder_is_named(authority, tmp_path) -> None:
    """
    A folder that is not there or empty, a file that is no certificate or lacks its key.
    """
    listener = ListenerSpec("web", tls_certificates=str(tmp_path / "c"))
    with pytest.raises(StartError, match=r"^listener web: tls-certificates .*/c: No such file"):
        server_options(listener)
    (tmp_path / "c").mkdir()
    with pytest.raises(StartError, match=r"tls-certificates .*/c: there is no file in it"):
        server_options(listener)
    (tmp_path / "c" / "README").write_text("x")
    with pytest.raises(StartError, match=r"tls-certificates .*/README: there is no PEM"):
        server_options(listener)
    os.rename(tmp_path / "c" / "README", tmp_path / "c" / ".README")
    shutil.copy(authority.issue("one.test").certificate, tmp_path / "c" / "one.pem")
    with pytest.raises(StartError, match=r"/one\.pem: its key is neither in it nor in .*\.key"):
        server_options(listener)


@pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
def test_the_clients_abilities_choose_the_kind(tmp_path, version) -> None:
    """
    Of an RSA and an ECDSA certificate for one name a client gets what it can verify, each
    with its own chain.
    """
    old, new = Authority(tmp_path, "Old", path_length=1), Authority(tmp_path, "New", path_length=1)
    pairs = []
    for root, is_rsa in ((old, True), (new, False)):
        between = root.subordinate(f"Between {is_rsa}")
        pair = between.issue("one.test", rsa_key=is_rsa, stem=f"one-{is_rsa}")
        pair.certificate.write_bytes(pair.certificate.read_bytes() + between.file.read_bytes())
        pairs.append(pair)
    tls = server_options(spec(*pairs))
    for root, pair, ciphers, algorithms in (
        (old, pairs[0], b"ECDHE-RSA-AES128-GCM-SHA256", b"rsa_pss_rsae_sha256"),
        (new, pairs[1], b"ECDHE-ECDSA-AES128-GCM-SHA256", b"ecdsa_secp256r1_sha256"),
    ):
        context = client_context(root)
        context.set_max_proto_version(version)
        context.set_cipher_list(ciphers)
        _only(context, algorithms)
        client = shake(tls, "one.test", context)
        assert serial(client) == number(pair)
        assert len(client.tls.get_peer_cert_chain(as_cryptography=True)) == 2


def _only(context: SSL.Context, algorithms: bytes) -> None:
    from cryptography.hazmat.bindings.openssl.binding import Binding

    assert Binding.lib.SSL_CTX_set1_sigalgs_list(context._context, algorithms) == 1


def test_new_files_are_taken_and_sessions_go_on(authority) -> None:
    """
    A renewed certificate is shown to new clients once it is published, and tickets of before
    still resume.
    """
    pair, other = authority.issue("one.test"), authority.issue("two.test")
    listener = spec(pair, other)
    tls = server_options(listener)
    context = client_context()
    first = shake(tls, "one.test", context)
    before = number(pair)
    authority.issue("one.test")
    renewed = server_options(listener, tls)
    assert serial(shake(tls, "one.test")) == before
    renewed.publish()
    assert serial(shake(renewed, "one.test")) == number(pair) != before
    assert serial(shake(tls, "one.test")) == number(pair)
    again = shake(renewed, "one.test", context, first.tls.get_session())
    assert resumed(again.tls)


def test_only_what_changed_is_read_again(authority, tmp_path) -> None:
    """
    Of many certificates those whose files are as they were stay the same objects.
    """
    for name in ("a", "b", "c"):
        copy(authority.issue(f"{name}.test"), tmp_path, f"{name}.pem")
    listener = ListenerSpec("web", tls_certificates=str(tmp_path))
    tls = server_options(listener)
    copy(authority.issue("b.test"), tmp_path, "b.pem")
    (tmp_path / "c.pem").unlink()
    renewed = server_options(listener, tls)
    assert [each.path[-5:] for each in renewed.certificates] == ["a.pem", "b.pem"]
    assert renewed.certificates[0] is tls.certificates[0]
    assert renewed.certificates[1] is not tls.certificates[1]
    renewed.publish()
    assert serial(shake(renewed, "c.test")) == serial(shake(renewed, "a.test"))


def test_other_terms_begin_anew(authority) -> None:
    """
    Whoever was let in by other rules has to shake hands in full.
    """
    pair = authority.issue("one.test")
    tls = server_options(spec(pair))
    context = client_context()
    first = shake(tls, "one.test", context)
    other = server_options(spec(pair, tls_honor_order=False), tls)
    other.publish()
    assert not resumed(shake(other, "one.test", context, first.tls.get_session()).tls)


def test_the_key_of_tickets_is_replaced(authority) -> None:
    """
    After tls-ticket-life a ticket does not resume any more; new ones do.
    """
    now = [0.0]
    tls = server_options(
        spec(authority.issue("one.test"), tls_ticket_life=100.0), now=lambda: now[0]
    )
    context = client_context()
    first = shake(tls, "one.test", context)
    now[0] = 99.0
    assert resumed(shake(tls, "one.test", context, first.tls.get_session()).tls)
    now[0] = 100.0
    second = shake(tls, "one.test", context, first.tls.get_session())
    assert not resumed(second.tls)
    assert resumed(shake(tls, "one.test", context, second.tls.get_session()).tls)


@pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
def test_without_tickets_nothing_is_resumed(authority, version) -> None:
    """
    tls-tickets = Off leaves nothing to resume with.
    """
    tls = server_options(spec(authority.issue("one.test"), tls_tickets=False))
    context = client_context()
    context.set_max_proto_version(version)
    first = shake(tls, "one.test", context)
    assert not resumed(shake(tls, "one.test", context, first.tls.get_session()).tls)


def test_a_new_file_must_be_good(authority, tmp_path) -> None:
    """
    What takes the place of something must not have ended, and must fit its key.
    """
    pair = authority.issue("one.test")
    tls = server_options(spec(pair))
    authority.issue("one.test", days=-1)
    with pytest.raises(StartError, match=r"one\.test\.pem: it has expired already"):
        server_options(tls.spec, tls)
    stranger = Authority(tmp_path).issue("one.test")
    shutil.copy(stranger.certificate, pair.certificate)
    with pytest.raises(StartError, match="no key in tls-key belongs to it"):
        server_options(tls.spec, tls)


def test_an_expired_certificate_is_better_than_none(authority) -> None:
    """
    At a start it is shown: who looks after it hears of it elsewhere.
    """
    tls = server_options(spec(authority.issue("one.test", days=-1)))
    assert serial(shake(tls, "one.test")) == tls.certificates[0].own.serial_number


# -- profiles


@pytest.mark.parametrize(
    ("options", "versions"),
    [
        ({}, {SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION}),
        ({"tls_profile": "modern"}, {SSL.TLS1_3_VERSION}),
        ({"tls_protocol": "TLSv1.2"}, {SSL.TLS1_2_VERSION}),
        ({"tls_profile": "modern", "tls_protocol": "all -TLSv1.3"}, {SSL.TLS1_2_VERSION}),
    ],
)
def test_versions(authority, options, versions) -> None:
    """
    The profile says which are spoken, unless that is said apart.
    """
    tls = server_options(spec(authority.issue("one.test"), **options))
    for version in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
        context = client_context()
        context.set_min_proto_version(version)
        context.set_max_proto_version(version)
        if version in versions:
            assert shake(tls, "one.test", context).tls.get_protocol_version() == version
        else:
            with pytest.raises(SSL.Error):
                shake(tls, "one.test", context)


@pytest.mark.parametrize(("honor", "found"), [(False, "128"), (True, "256")])
def test_whose_order_counts(authority, honor, found) -> None:
    """
    Our order of ciphers counts, unless tls-honor-order is off.
    """
    mine = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256"
    tls = server_options(spec(authority.issue("one.test"), tls_ciphers=mine, tls_honor_order=honor))
    context = client_context()
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    context.set_cipher_list(b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384")
    assert found in (shake(tls, "one.test", context).tls.get_cipher_name() or "")


def test_groups(authority) -> None:
    """
    By default the one that is safe from quantum computers; tls-curves chooses others.
    """
    pair = authority.issue("one.test")
    context = client_context()
    for options, group in (({}, "X25519MLKEM768"), ({"tls_curves": "P-384"}, "secp384r1")):
        found = shake(server_options(spec(pair, **options)), "", context).tls.get_group_name()
        assert found.lower() == group.lower()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"tls_curves": "P-999"}, "P-999 is no list of groups that OpenSSL knows"),
        ({"tls_ciphers": "NONSENSE"}, "OpenSSL knows none of the ciphers"),
    ],
)
def test_what_openssl_does_not_know(authority, options, text) -> None:
    """
    The start says what it is.
    """
    with pytest.raises(StartError, match=text):
        server_options(spec(authority.issue("one.test"), **options))


def test_alpn(authority) -> None:
    """
    The best that both know is agreed on; without any in common nothing is.
    """
    listener = spec(authority.issue("one.test"))
    for offered, agreed in (
        ([b"http/1.1", b"h2"], listener.negotiable[0]),
        ([b"http/1.1"], b"http/1.1"),
        ([b"smtp"], b""),
    ):
        context = client_context()
        context.set_alpn_protos(offered)
        client = shake(server_options(listener), "one.test", context)
        assert client.tls.get_alpn_proto_negotiated() == agreed


# -- OCSP


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


# -- clients' certificates


def showing(pair: Pair | None) -> SSL.Context:
    """
    Make the context of a client with a certificate.
    """
    context = client_context()
    if pair is not None:
        context.use_certificate_file(str(pair.certificate))
        context.use_privatekey_file(str(pair.key))
    return context


def admitted(tls: ListenerTLS | None, pair: Pair | None) -> bool:
    """
    Tell whether a client gets through its handshake.
    """
    world = Listening(tls)
    protocol, end = world.accept()
    client = Client(end, showing(pair), b"one.test")
    try:
        client.shake()
    except SSL.Error:
        client.flush()
    world.reactor.advance(0)
    return protocol.happened == ["shaken"]


@pytest.mark.parametrize(
    ("verify", "none", "bad"), [("optional", True, False), ("require", False, False)]
)
def test_clients_show_a_certificate(authority, stranger, verify, none, bad) -> None:
    """
    A good one is let in; none is if it is optional; one of a stranger never.
    """
    tls = server_options(
        spec(
            authority.issue("one.test"),
            tls_client_verify=verify,
            tls_client_ca=str(authority.file),
        )
    )
    assert admitted(tls, authority.issue("client.test"))
    assert admitted(tls, None) is none
    assert admitted(tls, stranger.issue("client.test")) is bad
    assert not admitted(tls, authority.issue("late.test", days=-1))


def test_revoked_clients_stay_out(authority) -> None:
    """
    Whoever is on the list is refused; the list is part of the terms, so tickets do not help.
    """
    good, revoked = authority.issue("good.test"), authority.issue("bad.test")
    path = authority.revoke(revoked)
    options = {
        "tls_client_verify": "require",
        "tls_client_ca": str(authority.file),
        "tls_client_crl": str(path),
    }
    tls = server_options(spec(authority.issue("one.test"), **options))
    assert admitted(tls, good)
    assert not admitted(tls, revoked)
    authority.revoke(revoked, good)
    renewed = server_options(tls.spec, tls)
    renewed.publish()
    assert not admitted(renewed, good)


def returns(
    tls: ListenerTLS | None, context: SSL.Context, before: Client | None = None
) -> tuple[list[str], bool, Client]:
    """
    Shake hands with a certificate, and with an earlier session if there is one.

    @param before: who has that session. It has to be there still: OpenSSL takes the session of a
        connection that just goes away for a bad one.
    @return: what came of it, whether the session was resumed, and the client.
    """
    world = Listening(tls)
    protocol, end = world.accept()
    client = Client(end, context, b"one.test")
    if before is not None:
        client.tls.set_session(before.tls.get_session())
    with suppress(SSL.Error):
        client.shake()
        client.taken()
    client.flush()
    world.reactor.advance(0)
    happened = [each for each in protocol.happened if each == "shaken"]
    happened += [reason for reason, _ in world.failures]
    return happened, resumed(client.tls), client


def client_spec(authority, **options) -> ListenerSpec:
    """
    Make a listener that asks for certificates.
    """
    return spec(
        authority.issue("one.test"),
        tls_client_ca=str(authority.file),
        tls_client_depth=2,
        **options,
    )


_DAY = 86400.0
VERSIONS = pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])


@VERSIONS
@pytest.mark.parametrize("verify", ["optional", "require"])
def test_a_ticket_does_not_outlive_its_clients_certificate(authority, version, verify) -> None:
    """
    Once it has ended a resumed session does not count as verified, and ends the handshake.
    """
    wall = [time.time()]
    listener = client_spec(authority, tls_client_verify=verify)
    tls = server_options(listener, wall=lambda: wall[0])
    context = showing(authority.issue("client.test", days=0.25))
    context.set_max_proto_version(version)
    happened, _, first = returns(tls, context)
    assert happened == ["shaken"]
    happened, again, second = returns(tls, context, first)
    assert (happened, again) == (["shaken"], True)
    wall[0] += _DAY / 4
    assert returns(tls, context, second)[:2] == (["certificate"], True)


@VERSIONS
def test_a_ticket_does_not_outlive_lists_and_authorities(authority, version) -> None:
    """
    When a list or an authority's certificate ends, or another list is read, tickets of before
    resume nothing: clients shake hands in full, and are judged by what holds then.
    """
    good = authority.issue("good.test", days=30.0)
    path = authority.revoke()
    wall, now = [time.time()], [0.0]
    listener = client_spec(
        authority,
        tls_client_verify="require",
        tls_client_crl=str(path),
        tls_ticket_life=7 * _DAY,
    )
    tls = server_options(listener, now=lambda: now[0], wall=lambda: wall[0])
    context = showing(good)
    context.set_max_proto_version(version)
    first = returns(tls, context)[2]
    happened, again, second = returns(tls, context, first)
    assert (happened, again) == (["shaken"], True)
    now[0] += _DAY
    wall[0] += _DAY
    happened, again, third = returns(tls, context, second)
    assert (happened, again) == (["shaken"], False)
    happened, again, fourth = returns(tls, context, third)
    assert (happened, again) == (["shaken"], True)
    authority.revoke(good)
    renewed = server_options(listener, tls)
    renewed.publish()
    assert returns(renewed, context, fourth)[:2] == (["certificate"], False)


def test_the_depth_of_clients_chains(tmp_path) -> None:
    """
    A chain over tls-client-depth is refused.
    """
    root = Authority(tmp_path, "Root", path_length=1)
    between = root.subordinate("Between")
    client = between.issue("client.test")
    client.certificate.write_bytes(client.certificate.read_bytes() + between.file.read_bytes())
    pair = root.issue("one.test")
    for depth, found in ((2, True), (1, False)):
        tls = server_options(
            spec(
                pair,
                tls_client_verify="require",
                tls_client_ca=str(root.file),
                tls_client_depth=depth,
            )
        )
        context = showing(None)
        context.use_certificate_chain_file(str(client.certificate))
        context.use_privatekey_file(str(client.key))
        world = Listening(tls)
        protocol, end = world.accept()
        there = Client(end, context)
        try:
            there.shake()
        except SSL.Error:
            there.flush()
        world.reactor.advance(0)
        assert (protocol.happened == ["shaken"]) is found


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"tls_client_verify": "require"}, "tls-client-verify require: tls-client-ca is missing"),
        ({"tls_client_ca": "/missing"}, "tls-client-ca /missing: No such file"),
        ({"tls_client_ca": "{ca}", "tls_client_crl": "{ca}"}, "there is no PEM revocation list"),
    ],
)
def test_files_about_clients(authority, options, text) -> None:
    """
    What is missing or cannot be used is named.
    """
    options = {key: value.format(ca=authority.file) for key, value in options.items()}
    listener = spec(authority.issue("one.test"), **{"tls_client_verify": "optional", **options})
    with pytest.raises(StartError, match=text):
        server_options(listener)


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

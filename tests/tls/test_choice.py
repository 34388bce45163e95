"""
Certificates as clients get to see them: by name, by ability, and new ones as they come.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from OpenSSL import SSL

from tests.integration.certificates import Authority, Pair
from tests.tls.listening import number, serial, shake, spec
from tests.tls.pipes import client_context
from txbalancer.core.specs import ListenerSpec
from txbalancer.errors import StartError
from txbalancer.tls.bindings import resumed
from txbalancer.tls.listeners import server_options


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


def test_a_ticket_of_another_process_does_no_harm(authority) -> None:
    """
    As after an upgrade: the client shakes hands in full, and gets a ticket that is good here.
    """
    listener = spec(authority.issue("one.test"))
    context = client_context()
    before = shake(server_options(listener), "one.test", context)
    tls = server_options(listener)
    client = shake(tls, "one.test", context, before.tls.get_session())
    assert not resumed(client.tls)
    assert resumed(shake(tls, "one.test", context, client.tls.get_session()).tls)


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

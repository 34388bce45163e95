"""
What C{txbalancer check} says of certificates that can be used.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.config.helpers import REGISTRY
from tests.integration.certificates import Authority, Pair
from txbalancer.config import loads
from txbalancer.control.checks import check_tls
from txbalancer.core.specs import ListenerSpec
from txbalancer.tls.doubts import doubt_of_time
from txbalancer.tls.listeners import server_options

MOUNT = "[mount:/]\nto = status:204\n"


def told(pair: Pair, more: str = "", mounts: str = MOUNT) -> list[str]:
    """
    Return the warnings about a listener, without place and file.
    """
    text = (
        f"[listener:web]\nendpoint = tcp:443\ntls-certificate = {pair.certificate}\n"
        f"tls-key = {pair.key}\n{more}{mounts}"
    )
    found = loads(text, REGISTRY, [check_tls], "f").warnings
    start = f"f:3: [listener:web] tls-certificate: {pair.certificate}: "
    assert all(each.startswith(start) for each in found), found
    return [each.removeprefix(start) for each in found]


def long_lived(tmp_path: Path) -> Authority:
    """
    Return an authority whose own certificate lasts for months.
    """
    return Authority(tmp_path, days=400)


def test_nothing_to_say(tmp_path) -> None:
    """
    A certificate with its chain and months to go, for all hosts of the mounts.
    """
    authority = long_lived(tmp_path)
    pair = authority.issue("a.test", "*.b.test", days=90)
    pair.certificate.write_bytes(pair.certificate.read_bytes() + authority.file.read_bytes())
    mounts = "[mount:/]\nto = status:204\nhost = a.test x.b.test *.b.test b*.test\n"
    assert told(pair, mounts=mounts) == []


@pytest.mark.parametrize(
    ("days", "text"),
    [(-2.5, "it ended 2 days ago"), (20.5, "it ends in 20 days"), (1.5, "it ends in 1 day")],
)
def test_its_end(tmp_path, days, text) -> None:
    """
    In the past, or within thirty days.
    """
    authority = long_lived(tmp_path)
    pair = authority.issue("a.test", days=days)
    pair.certificate.write_bytes(pair.certificate.read_bytes() + authority.file.read_bytes())
    assert told(pair) == [text]


def test_the_chain(tmp_path) -> None:
    """
    The issuer is missing and is not one that clients must have, or what follows did not sign
    what comes before.
    """
    authority = long_lived(tmp_path)
    assert told(authority.issue("a.test", days=90)) == []
    pair = authority.issue("a.test", days=90, issuer="http://ca.test/")
    (text,) = told(pair)
    assert text.startswith("the certificate of CN=Test CA, which signed it, is not in the file")
    other = Authority(tmp_path, "Other", days=400)
    pair.certificate.write_bytes(pair.certificate.read_bytes() + other.file.read_bytes())
    (text,) = told(pair)
    assert (
        text == "the chain is out of order: CN=Other comes after CN=a.test, which it did not sign"
    )


def test_hosts_without_a_certificate(tmp_path) -> None:
    """
    Hosts of mounts that the listener serves are looked up as clients would ask for them.
    """
    authority = long_lived(tmp_path)
    pair = authority.issue("a.test", days=90)
    pair.certificate.write_bytes(pair.certificate.read_bytes() + authority.file.read_bytes())
    mounts = (
        "[mount:/]\nto = status:204\nhost = b.test\n"
        "[mount:/c]\nto = status:204\nhost = c.test\nlistener = other\n"
        "[listener:other]\nendpoint = tcp:80\n"
    )
    assert told(pair, mounts=mounts) == [
        "no certificate is for b.test: its clients are shown this one"
    ]
    assert told(pair, "tls-strict-sni = On\n", mounts) == [
        "no certificate is for b.test: its clients are refused"
    ]


def test_not_yet(tmp_path) -> None:
    """
    A certificate that begins later.
    """
    pair = long_lived(tmp_path).issue("a.test", days=90)
    tls = server_options(
        ListenerSpec("web", tls_certificate=(str(pair.certificate),), tls_key=(str(pair.key),))
    )
    (certificate,) = tls.certificates
    assert doubt_of_time(certificate, time.time() - 3 * 86400) == "it begins in 2 days only"

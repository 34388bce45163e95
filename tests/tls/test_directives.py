"""
What is said of TLS to who wrote Apache's directives: by their names, at their lines.
"""

from __future__ import annotations

import re

import pytest

from tests.config.helpers import REGISTRY
from tests.integration.certificates import Authority, Pair
from txbalancer.config import loads
from txbalancer.config.httpd.wording import in_directives
from txbalancer.control.checks import check_tls
from txbalancer.core.specs import ListenerSpec
from txbalancer.errors import ConfigErrors
from txbalancer.tls.listeners import server_options


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> dict[str, Pair]:
    """
    Return certificates with their keys, by the host that each is for.
    """
    root = Authority(tmp_path_factory.mktemp("pairs"), days=400)
    made = {name: root.issue(f"{name}.test", days=90) for name in ("a", "b", "c")}
    return {**made, "root": Pair(root.file, root.file)}


def host(name: str, text: str) -> str:
    """
    Write a server with TLS.
    """
    return (
        f"<VirtualHost *:443>\nServerName {name}.test\nSSLEngine On\n{text}\n"
        "ProxyPass / http://h:1/\n</VirtualHost>\n"
    )


def told(text: str, pairs: dict[str, Pair]) -> list[str]:
    """
    Return errors, or warnings where there are none; C{a.pem} and C{a.key} stand for files.
    """
    for name, pair in pairs.items():
        text = re.sub(rf"\b{name}\.pem", str(pair.certificate), text)
        text = re.sub(rf"\b{name}\.key", str(pair.key), text)
    try:
        found = loads(f"Listen 443\n{text}", REGISTRY, [check_tls], "f").warnings
    except ConfigErrors as errors:
        found = str(errors).split("\n")
    for name, pair in pairs.items():
        for path, short in ((pair.certificate, f"{name}.pem"), (pair.key, f"{name}.key")):
            found = [each.replace(str(path), short) for each in found]
    return found


A = "SSLCertificateFile a.pem\nSSLCertificateKeyFile a.key"
CLIENTS = (
    "tls-client-ca is missing: name a file with the CAs that clients' certificates are of"
).replace("tls-client-ca", "SSLCACertificateFile")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (f"{A}\nSSLVerifyClient require", f"f:7: SSLVerifyClient: require: {CLIENTS}"),
        (
            "SSLCertificateFile a.pem\nSSLCertificateKeyFile b.key",
            "f:5: SSLCertificateFile: a.pem: no key in SSLCertificateKeyFile belongs to it:"
            " that in b.key belongs to none of them",
        ),
        (
            "SSLCertificateFile a.pem\nSSLCertificateFile b.pem\nSSLCertificateKeyFile b.key",
            "f:5: SSLCertificateFile: a.pem: no key in SSLCertificateKeyFile belongs to it:"
            " that in b.key belongs to b.pem",
        ),
        (
            "SSLCertificateFile root.pem",
            "f:5: SSLCertificateFile: root.pem: its key is neither in it nor in root.pem.key:"
            " name it in SSLCertificateKeyFile",
        ),
        (
            f"{A}\nSSLCACertificateFile a.key\nSSLVerifyClient require",
            "f:7: SSLCACertificateFile: a.key: there is no PEM certificate in it,"
            " only a private key",
        ),
    ],
)
def test_faults_of_files(pairs, text, fault) -> None:
    """
    Nobody has to know what options are called in INI files.
    """
    assert told(host("a", text), pairs) == [fault]


def test_the_certificate_for_members(pairs) -> None:
    """
    It is told where it was named, not where the member is.
    """
    more = "SSLProxyEngine On\nSSLProxyMachineCertificateFile a.pem\nProxyPass /x https://m/"
    (fault,) = told(host("a", f"{A}\n{more}"), pairs)
    assert fault.startswith("f:8: SSLProxyMachineCertificateFile: https://m/: ")
    assert "no private key is in it" in fault


def test_keys_without_a_certificate(pairs) -> None:
    """
    They do no harm, but something else was meant.
    """
    text = f"{A}\nSSLCertificateKeyFile b.key"
    assert told(host("a", text), pairs) == [
        "f:7: SSLCertificateKeyFile: b.key: this key belongs to none of the certificates"
    ]


def test_many_keys_are_told_of_in_part(pairs, tmp_path) -> None:
    """
    The message stays readable.
    """
    root = Authority(tmp_path)
    keys = [root.issue(f"x{number}.test").key for number in range(7)]
    lines = "\n".join(f"SSLCertificateKeyFile {each}" for each in keys)
    (fault,) = told(host("a", f"SSLCertificateFile a.pem\n{lines}"), pairs)
    assert fault.count("belongs to none of them") == 5
    assert fault.endswith(", …")


def test_certificates_and_the_names_of_servers(pairs) -> None:
    """
    A server's name has no certificate, or there is one, but another is the first.
    """
    b = "SSLCertificateFile b.pem\nSSLCertificateKeyFile b.key"
    assert told(host("a", A), pairs) == []
    lacking = "no certificate is for a.test: its clients are shown this one"
    assert told(host("a", b), pairs) == [f"f:5: SSLCertificateFile: b.pem: {lacking}"]
    both = host("a", f"{b}\n{A}")
    assert told(both, pairs) == [
        "f:5: SSLCertificateFile: b.pem: it comes first, so clients that name no host are shown it,"
        " but it is for b.test and none of a.test: put another first"
    ]
    assert told(both.replace(A, f"{A}\nSSLStrictSNIVHostCheck On"), pairs) == []


def test_in_an_ini_file_the_server_name_is_no_host(pairs) -> None:
    """
    There it is for Via and the like only; hosts of mounts count.
    """
    text = "[listener:web]\nendpoint = tcp:443\nserver-name = lb.test\n"
    text += "tls-certificate =\n    {}\n    {}\ntls-key =\n    {}\n    {}\n"
    text += "[mount:/]\nto = status:204\nhost = a.test *.a.test\n"
    b, a = pairs["b"], pairs["a"]
    found = loads(
        text.format(b.certificate, a.certificate, b.key, a.key), REGISTRY, [check_tls]
    ).warnings
    assert [each.partition("test.pem: ")[2] for each in found] == [
        "no certificate is for *.a.test: its clients are shown this one"
    ]


def test_rules_for_clients_in_a_second_server(pairs) -> None:
    """
    The directive is named, and both ways out of it.
    """
    b = "SSLCertificateFile b.pem\nSSLCertificateKeyFile b.key\nSSLVerifyClient require"
    (fault,) = told(host("a", A) + host("b", b), pairs)
    assert fault.startswith("f:14: SSLVerifyClient: the rules for certificates of clients differ")
    assert fault.endswith("SSLCACertificateFile in each, or give this one a port of its own")


def test_only_names_of_options_are_translated() -> None:
    """
    Parts of paths and other words stay.
    """
    assert in_directives("tls-key /etc/tls-key.pem: max, tls-keys") == (
        "SSLCertificateKeyFile /etc/tls-key.pem: max, tls-keys"
    )


def test_files_that_are_gone_meanwhile_are_of_nobody(pairs, tmp_path) -> None:
    """
    What cannot be read any more does not hide the fault.
    """
    gone = tmp_path / "gone.pem"
    spec = ListenerSpec(
        "web",
        tls_certificate=(str(pairs["a"].certificate), str(gone)),
        tls_key=(str(pairs["b"].key),),
    )
    with pytest.raises(Exception, match=r"belongs to it: that in .*b\.test.* none of them"):
        server_options(spec)

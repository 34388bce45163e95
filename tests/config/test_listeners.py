"""
Listeners: endpoint strings and the few rules beside them.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.config.listeners import parse_endpoint

from .helpers import BALANCER, LISTENER, MOUNT, errors, good


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("tcp:8080", ("tcp", "8080", "")),
        ("tcp:0", ("tcp", "0", "")),
        ("tcp:port=080", ("tcp", "80", "")),
        ("tcp:80:interface=127.0.0.1:backlog=100", ("tcp", "80", "127.0.0.1")),
        ("tcp:80:interface=\\:\\:1", ("tcp", "80", "::1")),
        ("tcp6:80:interface=\\:\\:", ("tcp6", "80", "::")),
        ("unix:/run/a.sock", ("unix", "/run/a.sock", "")),
        ("unix:/run/a\\:b:mode=660:lockfile=1", ("unix", "/run/a:b", "")),
        ("unix:address=/a", ("unix", "/a", "")),
        ("systemd:domain=INET:index=0", ("systemd", "INET", "0")),
        ("systemd:domain=UNIX:name=web", ("systemd", "UNIX", "web")),
    ],
)
def test_endpoints(text: str, key: tuple[str, str, str]) -> None:
    """
    Endpoint strings of Twisted are known by what they open.
    """
    assert parse_endpoint(text) == key


FORMS = "tcp:PORT, tcp:PORT:interface=ADDRESS, udp:PORT, unix:/PATH or systemd:domain=INET:index=0"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("8080", f"'8080' is no endpoint: use {FORMS} (did you mean tcp:8080?)"),
        ("web", f"'web' is no endpoint: use {FORMS}"),
        ("", f"'' is no endpoint: use {FORMS}"),
        ("ssl:443", "TLS is configured with tcp: and the key tls-certificate"),
        ("tcp:", "'' is not a number from 0 to 65535"),
        ("tcp:65536", "'65536' is not a number from 0 to 65535"),
        ("tcp", f"tcp: the port is missing: use {FORMS}"),
        (
            "tcp:80:interfce=1.2.3.4",
            "tcp: 'interfce=1.2.3.4' is not known; use backlog, interface or port "
            "(did you mean interface?)",
        ),
        ("tcp:80:81", "tcp: '81' is not known; use backlog, interface or port"),
        (
            "tcp:80:interface=lo",
            "interface 'lo' is not an address (write : in IPv6 as \\:)",
        ),
        ("unix:", "a path is needed: unix:/PATH"),
        ("unix:/a:mode=999", "mode '999' is not octal, such as 660"),
        ("unix:/a:lockfile=2", "'2' is not known; use 0 or 1"),
        (
            "systemd:domain=INET",
            "systemd: either index or name is needed: systemd:domain=INET:index=0",
        ),
        ("systemd:index=0", f"systemd: the domain is missing: use {FORMS}"),
        (
            "systemd:domain=INT:index=0",
            "'INT' is not known; use INET, INET6 or UNIX (did you mean INET?)",
        ),
    ],
)
def test_bad_endpoints(text: str, fault: str) -> None:
    """
    An endpoint string that Twisted would not take says why.
    """
    with pytest.raises(ValueError, match=f"^{re.escape(fault)}$"):
        parse_endpoint(text)


@given(st.text(alphabet="tcp:unixsystemd=\\/0189.domain"))
def test_any_endpoint_is_read_or_refused(text: str) -> None:
    """
    Nothing but ValueError comes out for text that is no endpoint.
    """
    with contextlib.suppress(ValueError):
        assert len(parse_endpoint(text)) == 3


def test_several_endpoints_in_one_listener() -> None:
    """
    One endpoint per line; port 0 may come again, for it is another port each time.
    """
    text = "[listener:Web]\nendpoint = tcp:0\n  tcp:0\n  unix:/a\n[mount:/]\nto = !\n"
    (web,) = good(text).spec.listeners
    assert (web.name, web.endpoint) == ("web", ("tcp:0", "tcp:0", "unix:/a"))


def test_an_endpoint_is_there_once() -> None:
    """
    Two spellings of one port are told, with the line of the first.
    """
    text = LISTENER + "[listener:other]\nendpoint =\n  tcp:port=8080\n  tcp:81\n"
    assert errors(text) == [
        "f:5: [listener:other] endpoint: tcp:port=8080 is there already, in line 2"
    ]


def test_a_listener_needs_an_endpoint_and_a_name() -> None:
    """
    A section without endpoint or name cannot be used.
    """
    assert errors("[listener:]\nmax-head = 1K\n[listener:a b]\nendpoint=tcp:1\n") == [
        "f:1: [listener] the name is missing: [listener:NAME] takes 1 to 63 letters, digits, "
        "'.', '_' and '-'",
        f"f:1: [listener] endpoint: is missing: use {FORMS}, one per line",
        "f:3: [listener:a b] 'a b' is no name: [listener:NAME] takes 1 to 63 letters, digits, "
        "'.', '_' and '-'",
    ]


def test_certificate_files_must_be_readable(tmp_path: Path) -> None:
    """
    A file that cannot be opened is an error with the reason; a readable one passes.
    """
    pem = tmp_path / "a.pem"
    text = f"{LISTENER}tls-certificate = {pem}\n{BALANCER}{MOUNT}"
    assert errors(text) == [
        f"f:3: [listener:web] tls-certificate: cannot read {pem}: No such file or directory"
    ]
    pem.write_text("x")
    assert good(text).spec.listeners[0].tls_certificate == (str(pem),)
    assert errors(f"{LISTENER}tls-certificate = a\0b") == [
        "f:3: [listener:web] tls-certificate: 'a\\x00b' has a control character"
    ]


def test_a_key_needs_a_certificate(tmp_path: Path) -> None:
    """
    tls-key alone would be ignored, so it is an error.
    """
    pem = tmp_path / "a.pem"
    pem.write_text("x")
    assert errors(f"{LISTENER}tls-key = {pem}\n{BALANCER}{MOUNT}") == [
        "f:3: [listener:web] tls-key: tls-certificate is missing"
    ]

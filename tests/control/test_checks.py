"""
Checks that load certificates as a start would.
"""

from __future__ import annotations

from pathlib import Path

from tests.config.helpers import REGISTRY
from txbalancer.config import loads
from txbalancer.control.checks import check_tls
from txbalancer.errors import ConfigErrors


def told(text: str) -> list[str]:
    """
    Return what the checks make of a configuration that is valid so far.
    """
    try:
        loads(text, REGISTRY, [check_tls], "f")
    except ConfigErrors as errors:
        return str(errors).split("\n")
    return []


def test_files_without_certificates(tmp_path: Path) -> None:
    """
    Files that hold no PEM are told for listeners, members of balancers and single members.
    """
    pem = tmp_path / "a.pem"
    pem.write_text("x")
    text = (
        f"[listener:Web]\nendpoint = tcp:1\ntls-certificate = {pem}\n"
        "[listener:plain]\nendpoint = tcp:2\n"
        f"[balancer:b]\nmembers =\n  http://a\n  https://b sslproxycacertificatefile={pem}\n"
        f"[mount:/B]\nto = https://c sslproxycacertificatefile={pem}\n"
        "[mount:/]\nto = balancer://b/\n"
    )
    assert told(text) == [
        f"f:3: [listener:web] tls-certificate: {pem}: there is no PEM certificate in it",
        "f:7: [balancer:b] members: https://b: "
        f"sslproxycacertificatefile {pem}: there is no PEM certificate in it",
        "f:11: [mount:/B] to: https://c: "
        f"sslproxycacertificatefile {pem}: there is no PEM certificate in it",
    ]


def test_no_complaints() -> None:
    """
    A configuration whose files can be used passes.
    """
    text = "[listener:a]\nendpoint = tcp:1\n[mount:/]\nto = https://a/\n"
    assert told(text) == []

"""
What testssl.sh has to say of a listener as it is by default.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.integration.certificates import Authority
from tests.integration.conftest import Starts
from tests.peers import free_port, require

pytestmark = [pytest.mark.integration, pytest.mark.peers]

PARTS = ("--protocols", "--std", "--pfs", "--server-preference", "--server-defaults")
MORE = ("--headers", "--vulnerable")
GOOD = {"OK", "INFO", "LOW"}


def test_nothing_above_low(balancer: Starts, tmp_path: Path) -> None:
    """
    Protocols, ciphers, forward secrecy, preferences, certificates, headers and known
    vulnerabilities: no finding is above LOW.
    """
    authority = Authority(tmp_path)
    port = free_port()
    text = f"[listener:secure]\nendpoint = tcp:{port}:interface=127.0.0.1\nhsts = 365d\n"
    text += "tls-certificate =\n"
    for is_rsa in (False, True):
        pair = authority.issue(
            "localhost", rsa_key=is_rsa, days=89, stem=f"rsa-{is_rsa}", crl="http://crl.test/"
        )
        whole = tmp_path / f"whole-{is_rsa}.pem"
        whole.write_bytes(
            pair.certificate.read_bytes() + authority.file.read_bytes() + pair.key.read_bytes()
        )
        text += f"    {whole}\n"
    balancer(text + "[mount:/]\nto = status:204\n")
    found = tmp_path / "found.json"
    done = subprocess.run(
        [
            *(require("testssl"), "--quiet", "--warnings", "off", "--color", "0"),
            *("--nodns", "min", "--add-ca", str(authority.file), "--jsonfile", str(found)),
            *(*PARTS, *MORE, f"https://localhost:{port}"),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=400,
    )
    findings = json.loads(found.read_text())
    told = {each["id"] for each in findings}
    assert {"TLS1_3", "TLS1", "cipher_order", "heartbleed", "HSTS_time"} <= told, done.stdout
    bad = [
        f"{each['severity']} {each['id']}: {each['finding']}"
        for each in findings
        if each["severity"] not in GOOD
        and each["id"] != "engine_problem"
        # A try of its own that took too long on a busy machine is no finding.
        and not each["finding"].endswith("because of connect problem")
    ]
    assert bad == []
    (tmp_path / "out.txt").write_text(done.stdout)

"""
Checks that load certificates as a start would.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.config.helpers import REGISTRY
from txbalancer.config import loads
from txbalancer.control.checks import (
    CHECKS,
    COMMAND_CHECKS,
    check_control,
    check_log_formats,
    check_log_paths,
    check_passwords,
    check_sockets,
    check_tls,
)
from txbalancer.core.specs import GlobalSpec, LogSpec, ServiceSpec
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


def test_all_checks_beside_faults(tmp_path: Path) -> None:
    """
    A file with faults in every section is told of at once, and no check falls over.
    """
    pem = tmp_path / "a.pem"
    pem.write_text("x")
    text = (
        "[txbalancer]\nworkers = 2\naccess-log-format = %{x}h\naccess-log = /missing/log\n"
        f"[listener:a]\nendpoint = bad\ntls-certificate = {pem}\n"
        f"[listener:b]\nendpoint = tcp:1\ntls-certificate = {pem}\ntls-key = /missing\n"
        "[balancer:c]\nlbmethod = x\nmembers =\n  https://a max=x\n"
        f"  https://b sslproxycacertificatefile={pem}\n[mount:/]\nto = ?\n"
    )
    with pytest.raises(ConfigErrors) as caught:
        loads(text, REGISTRY, COMMAND_CHECKS, "f")
    assert [each.line for each in caught.value.errors] == [3, 4, 6, 7, 11, 13, 14, 15, 18]
    assert "%{x}h takes no name: use %h" in str(caught.value)


def log_fault(path: Path | str) -> list[str]:
    """
    Return what is told of an access log.
    """
    spec = ServiceSpec(GlobalSpec(access_log=str(path)))
    found = list(check_log_paths(spec))
    assert all(each[:2] == ("txbalancer", "access-log") for each in found)
    return [text for _, _, text in found]


@pytest.mark.parametrize("word", ["-", "syslog", "OFF"])
def test_logs_without_a_path(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Words are no paths.
    """
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert log_fault(word) == []


def test_paths_of_the_access_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A log needs a folder that is there and can be written, or a file that can; none is made.
    """
    log = tmp_path / "access.log"
    assert log_fault(log) == []
    assert not log.exists()
    assert log_fault(tmp_path) == [f"{tmp_path} is a folder"]
    missing = tmp_path / "no"
    assert log_fault(missing / "access.log") == [
        f"the folder {missing} is not there: create it, or name another"
    ]
    monkeypatch.chdir(tmp_path)
    assert log_fault("access.log") == []
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert log_fault(log) == [f"the folder {tmp_path} cannot be written"]
    log.touch()
    assert log_fault(log) == [f"{log} cannot be written"]
    monkeypatch.setattr(os, "access", lambda path, mode: path == str(log))
    assert log_fault(log) == []


def test_every_log_is_looked_at(tmp_path: Path) -> None:
    """
    The error log and the logs of some requests are checked like the access log.
    """
    missing = str(tmp_path / "no" / "log")
    logs = (LogSpec("shop", ((missing, "%U"), ("off", "%{x}h"))),)
    spec = ServiceSpec(GlobalSpec(error_log=missing), logs=logs)
    assert [each[:2] for each in check_log_paths(spec)] == [
        ("txbalancer", "error-log"),
        ("log:shop", "to"),
    ]
    (fault,) = check_log_formats(spec)
    assert fault == ("log:shop", "to", "position 1: %{x}h takes no name: use %h")


def test_M2_files_of_passwords(tmp_path: Path) -> None:
    """
    Each line that cannot be used is told, where a rule asks for users; other files are not read.
    """
    path = tmp_path / "users"
    path.write_text("bob:plain\neve\n")
    text = (
        f"[listener:web]\nendpoint = tcp:1\n[mount:/a]\nto = status:200\nauth-file = {path}\n"
        f"require = local\n[mount:/b]\nto = status:200\nrequire = valid-user\nauth-file = {path}\n"
    )
    with pytest.raises(ConfigErrors) as caught:
        loads(text, REGISTRY, [check_passwords], "f")
    assert str(caught.value) == (
        f"f:10: [mount:/b] auth-file: {path}:1: user 'bob' has a password in the clear or by DES"
        " crypt, which anybody can guess: set it anew with: htpasswd -B FILE;"
        f" {path}:2: is not of the form USER:HASH"
    )
    path.write_text("bob:{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=\n")
    loads(text, REGISTRY, [check_passwords], "f")


def test_M2_a_file_of_passwords_that_is_not_there(tmp_path: Path) -> None:
    """
    It is told once, with its line and what to do.
    """
    path = tmp_path / "users"
    httpd = (
        f"Listen 8080\n<Location /m>\nSetHandler server-status\nAuthName a\nAuthUserFile {path}\n"
        "AuthType Basic\nRequire valid-user\n</Location>\n"
    )
    ini = (
        "[listener:web]\nendpoint = tcp:1\n[mount:/a]\nto = status:200\nrequire = valid-user\n"
        f"auth-file = {path}\n"
    )
    fault = f"cannot read {path}: No such file or directory: make it with `htpasswd -B -c {path}"
    for text, place in ((httpd, "f:5: AuthUserFile"), (ini, "f:6: [mount:/a] auth-file")):
        with pytest.raises(ConfigErrors) as caught:
            loads(text, REGISTRY, COMMAND_CHECKS, "f")
        assert str(caught.value) == f"{place}: {fault} USER`, or name another"
    path.mkdir()
    with pytest.raises(ConfigErrors, match="Is a directory: name a file of htpasswd's that"):
        loads(httpd, REGISTRY, COMMAND_CHECKS, "f")


def test_a_state_file_needs_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    That it is not there is told at its line, with both remedies, by C{check} and by a start.
    """
    missing = tmp_path / "no"
    told = (
        f"the folder {missing} is not there: make it, for the service's user to write, or name"
        " another: `state =` of [txbalancer], in Apache's syntax DefaultRuntimeDir"
    )
    text = f"[txbalancer]\nstate = {missing}/state.json\n[listener:web]\nendpoint = tcp:1\n"
    httpd = f"Listen 8080\nDefaultRuntimeDir {missing}\nBalancerPersist On\n"
    for checks in (CHECKS, COMMAND_CHECKS):
        with pytest.raises(ConfigErrors) as caught:
            loads(text, REGISTRY, checks, "f")
        assert str(caught.value) == f"f:2: [txbalancer] state: {told}"
        with pytest.raises(ConfigErrors) as caught:
            loads(httpd, REGISTRY, checks, "f")
        assert str(caught.value).endswith(f"BalancerPersist: {told}")
    missing.mkdir()
    loads(text, REGISTRY, COMMAND_CHECKS, "f")
    monkeypatch.chdir(tmp_path)
    relative = loads(text.replace(f"{missing}", "nope"), REGISTRY, CHECKS, "f").spec
    assert [each[1] for each in check_log_paths(relative)] == ["state"]
    folder = loads(text.replace(f"{missing}/state.json", "no"), REGISTRY, CHECKS, "f").spec
    assert [*check_log_paths(folder)] == [("txbalancer", "state", "no is a folder")]


def test_where_the_socket_may_be(tmp_path: Path) -> None:
    """
    A path that is named needs its folder, and nothing else may be there; auto needs nothing.
    """
    (tmp_path / "file").write_text("")
    for path, fault in (
        ("auto", ""),
        ("off", ""),
        (str(tmp_path / "control.sock"), ""),
        (str(tmp_path / "none" / "control.sock"), "is not there: create it"),
        (str(tmp_path / "file"), "no socket"),
        (str(tmp_path / ("x" * 120)), "107 bytes"),
    ):
        found = list(check_control(ServiceSpec(service=GlobalSpec(control=path))))
        assert bool(found) is bool(fault), path
        assert all(fault in text for _, _, text in found)
    assert check_control in COMMAND_CHECKS


def test_where_sockets_of_listeners_may_be(tmp_path: Path) -> None:
    """
    What a start could not open is told at its line; a socket that is there may be the service's.
    """
    for path, fault in (
        (f"{tmp_path}", f"{tmp_path} is there and no socket: move it away, or name another"),
        (f"{tmp_path}/no/a", f"the folder {tmp_path}/no is not there: create it, or name another"),
        ("x" * 120, "a socket's path has 107 bytes at most: name a shorter one"),
    ):
        text = f"[listener:web]\nendpoint =\n    tcp:80\n    unix:{path}:mode=600\n"
        with pytest.raises(ConfigErrors) as caught:
            loads(text, REGISTRY, COMMAND_CHECKS, "f")
        assert str(caught.value) == f"f:2: [listener:web] endpoint: {fault}"
    good = f"[listener:web]\nendpoint = unix:{tmp_path}/web.sock\n"
    assert [*check_sockets(loads(good, REGISTRY, (), "f").spec)] == []
    with pytest.raises(ConfigErrors, match="is no endpoint"):
        loads("[listener:web]\nendpoint = uni:/a\n", REGISTRY, COMMAND_CHECKS, "f")


def test_a_key_where_a_certificate_should_be(tmp_path: Path) -> None:
    """
    It is told what the file has instead.
    """
    pem = tmp_path / "key.pem"
    pem.write_text("-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n")
    text = f"[listener:web]\nendpoint = tcp:1\ntls-certificate = {pem}\n"
    assert told(text)[0].endswith("there is no PEM certificate in it, only a private key")

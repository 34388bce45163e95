"""
Access rules and passwords here and in the real Apache: the same rules, the same visitors.
"""

from __future__ import annotations

import subprocess
from base64 import b64encode
from pathlib import Path
from random import Random

import pytest

from tests.integration.client import Answer, ask
from tests.integration.process import until
from tests.peers import Peers, which
from tests.proxy.rigs import ask as ask_rig
from tests.proxy.rigs import status_of
from txbalancer.core.access import Group, Not, Require, Rule, group, negated, require, rules
from txbalancer.testing import MemoryRig

pytestmark = [pytest.mark.integration, pytest.mark.peers]

MODULES = ("authz_host", "authz_user", "authn_core", "authn_file", "auth_basic")
WORDS = [
    ("all", "granted"),
    ("all", "denied"),
    ("ip", "127.0.0.0/8"),
    ("ip", "10.1"),
    ("ip", "10.1.2.3/255.0.0.0", "127.0.0.1"),
    ("ip", "::1"),
    ("local",),
    ("host", "localhost"),
    ("host", ".localhost", "calhost"),
    ("user", "bob"),
    ("user", "eve", "bob"),
    ("user", "eve"),
    ("valid-user",),
]
VISITORS = (None, ("bob", "secret"), ("eve", "secret"), ("bob", "wrong"), ("nobody", "secret"))
KINDS = ("-B", "-m", "-s", "-2", "-5")
COUNT = 150


def draw(random: Random, depth: int = 0) -> Rule:
    """
    Make a rule that may stand among those of which any suffices.
    """
    if depth == 3 or random.random() < 0.4:
        kind, *words = random.choice(WORDS)
        return require(kind, words)
    some = [draw(random, depth + 1) for _ in range(random.randint(1, 3))]
    if random.random() < 0.4:
        return group("any", some)
    for _ in range(random.randint(0, 2)):
        kind, *words = random.choice(WORDS)
        negative: Rule = negated(require(kind, words))
        if random.random() < 0.4:
            negative = group("none", [draw(random, depth + 1) for _ in range(2)])
        some.insert(random.randint(0, len(some)), negative)
    return group("all", some)


def as_apache(rule: Rule) -> str:
    """
    Write a rule in Apache's syntax.
    """
    if isinstance(rule, Group):
        name = f"Require{rule.kind.capitalize()}"
        inner = "\n".join(map(as_apache, rule.rules))
        return f"<{name}>\n{inner}\n</{name}>"
    if isinstance(rule, Not):
        return as_apache(rule.rule).replace("Require ", "Require not ")
    assert isinstance(rule, Require)
    return " ".join(("Require", rule.kind, *rule.words))


def login(visitor: tuple[str, str] | None) -> dict[str, str]:
    """
    Return the headers of a visitor.
    """
    if visitor is None:
        return {}
    return {"Authorization": "Basic " + b64encode(":".join(visitor).encode()).decode()}


def passwords(folder: Path, kind: str = "-s") -> Path:
    """
    Let htpasswd write a file: C{bob} and C{eve} have the password C{secret}.
    """
    program = which("htpasswd")
    if program is None:
        pytest.skip("htpasswd is not installed (Debian package apache2-utils)")
    path = folder / f"users{kind}"
    for number, user in enumerate(("bob", "eve")):
        options = "-bc" if not number else "-b"
        subprocess.run(
            [program, options, kind, path, user, "secret"], check=True, capture_output=True
        )
    path.chmod(0o644)
    return path


def granted(status: int) -> int:
    """
    Apache has no file under these paths, the balancer answers 204.
    """
    return 200 if status in (204, 404) else status


def request(number: int, headers: dict[str, str]) -> bytes:
    """
    Write a request for the mount of a rule.
    """
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"GET /{number}/ HTTP/1.1\r\nHost: a\r\n{lines}\r\n".encode()


def test_M2_rules_decide_as_in_apache(peers: Peers) -> None:
    """
    Nested rules of every kind give each visitor the status that Apache gives.
    """
    random = Random(20261121)
    drawn = [draw(random) for _ in range(COUNT)]
    folder = peers.folder()
    folder.chmod(0o755)
    users = passwords(folder)
    auth = f'AuthType Basic\nAuthName "x"\nAuthUserFile {users}\n'
    apache = peers.apache2(
        "".join(
            f"<Location /{number}/>\n{auth}{as_apache(rule)}\n</Location>\n"
            for number, rule in enumerate(drawn)
        ),
        MODULES,
    )
    mounts = "".join(
        f"[mount:/{number}/]\nto = status:204\nauth-file = {users}\n"
        f"require = {rules.show((rule,))}\n"
        for number, rule in enumerate(drawn)
    )
    rig = MemoryRig(f"[listener:web]\nendpoint = tcp:80\n{mounts}")
    client = rig.client
    rig.client = lambda host="127.0.0.1": client(host)  # type: ignore[method-assign]
    statuses = set()
    for number, rule in enumerate(drawn):
        for visitor in VISITORS:
            headers = login(visitor)
            expected = granted(ask(f"{apache.url}/{number}/", **headers).status)
            found = granted(status_of(ask_rig(rig, request(number, headers))))
            assert found == expected, f"{visitor}: {rules.show((rule,))}"
            statuses.add(expected)
        # Wrong passwords are bounded here: time for more of them.
        rig.advance(60)
    assert statuses == {200, 401, 403}


@pytest.mark.parametrize("kind", KINDS)
def test_M2_files_of_htpasswd_serve_both(peers: Peers, kind: str) -> None:
    """
    The same file lets the same users in here and there, and the challenges are alike.
    """
    folder = peers.folder()
    folder.chmod(0o755)
    users = passwords(folder, kind)
    apache = peers.apache2(
        f'<Location />\nAuthType Basic\nAuthName "A \\"b\\""\nAuthUserFile {users}\n'
        "Require valid-user\n</Location>\nLogFormat %u u\nCustomLog access.log u\n",
        MODULES,
    )
    rig = MemoryRig(
        "[listener:web]\nendpoint = tcp:80\n[mount:/]\nto = status:204\n"
        f'require = valid-user\nauth-file = {users}\nauth-name = A "b"\n'
    )
    log = apache.folder / "access.log"
    for number, visitor in enumerate(VISITORS, 1):
        there: Answer = ask(f"{apache.url}/1/", **login(visitor))
        # It writes a line once it has answered, and would not keep the order of two threads.
        until(lambda number=number: len(log.read_text().split()) == number, "it is logged")
        here = ask_rig(rig, request(1, login(visitor)))
        assert granted(status_of(here)) == granted(there.status)
        challenge = there.header("www-authenticate")
        assert bool(challenge) == (b"\r\nWWW-Authenticate: %b" % challenge.encode() in here)
    logged = log.read_text().split()
    users_here = [each.request.user for each in rig.outcomes]
    assert logged == [(user or b"-").decode() for user in users_here]


def test_M2_apache_passes_the_authorization_on(peers: Peers) -> None:
    """
    A member sees the password that the proxy asked for: what is done here is what Apache does.
    """
    folder = peers.folder()
    folder.chmod(0o755)
    users = passwords(folder)
    member = peers.nginx('location / { return 200 "$http_authorization"; }')
    apache = peers.apache2(
        f"ProxyPass / {member.url}/\n<Location />\nAuthType Basic\nAuthName x\n"
        f"AuthUserFile {users}\nRequire valid-user\n</Location>\n",
        (*MODULES, "proxy", "proxy_http"),
    )
    headers = login(("bob", "secret"))
    assert ask(f"{apache.url}/", **headers).body.decode() == headers["Authorization"]

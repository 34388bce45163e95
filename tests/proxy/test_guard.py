"""
Guards before the targets of mounts.
"""

from __future__ import annotations

from base64 import b64encode
from functools import partial
from pathlib import Path

import pytest

from tests.proxy.rigs import GET, OK, POST, ask, body_of, check_rest, status_of
from tests.threads import Threads
from txbalancer.core import crypts
from txbalancer.core.access import require
from txbalancer.core.specs import FixedStatus, MountSpec
from txbalancer.errors import StartError
from txbalancer.proxy.guard import PATIENCE, Guard, basic
from txbalancer.services.guards import Guards
from txbalancer.testing import MemoryRig, MemoryTransport

RIG = """
[listener:web]
endpoint = tcp:80
[balancer:shop]
members = http://10.0.0.1 disablereuse=On
[mount:/]
to = balancer://shop/
"""
CHALLENGE = b'\r\nWWW-Authenticate: Basic realm="The \\"shop\\"", charset="UTF-8"\r\n'


class Case:
    """
    A balancer C{shop} at C{/} behind rules; C{bob} and C{eve} have the password C{secret}.
    """

    def __init__(
        self, folder: Path, rules: str, listener: str = "", member: str = "disablereuse=On"
    ) -> None:
        users = folder / "users"
        users.write_text(
            "".join(f"{each}:{crypts.sha1(b'secret', '')}\n" for each in ("bob", "eve"))
        )
        lines = "".join(f"\n    {each}" for each in rules.split("\n"))
        login = f'auth-file = {users}\nauth-name = The "shop"\n' if "user" in rules else ""
        text = RIG.replace("tcp:80", f"tcp:80\n{listener}").replace("disablereuse=On", member)
        self.rig = MemoryRig(f"{text}require ={lines}\n{login}")
        self.hashing, self.look_ups = Threads(), Threads()
        self.rig.targets.guards.hashing.in_thread = self.hashing.run
        self.rig.targets.guards.look_ups.in_thread = self.look_ups.run

    def client(self, request: bytes, host: str = "192.0.2.1") -> MemoryTransport:
        """
        Send a request over a new connection.
        """
        client = self.rig.client(host)
        client.send(request)
        return client

    def served(self, client: MemoryTransport, asked: bytes = b"GET / ") -> None:
        """
        Let the member answer, and see that the client gets it.
        """
        member = self.rig.accept()
        assert member.taken().startswith(asked)
        member.send(OK)
        assert status_of(client.taken()) == 200

    def reasons(self) -> list[str]:
        """
        Return what the records say.
        """
        return [each.reason for each in self.rig.outcomes]


@pytest.fixture
def case(tmp_path):
    """
    Return how a case is made.
    """
    return partial(Case, tmp_path)


def login(request: bytes, user: str = "bob", password: str = "secret") -> bytes:
    """
    Put user and password into a request.
    """
    token = b64encode(f"{user}:{password}".encode())
    return request.replace(b"\r\n\r\n", b"\r\nAuthorization: Basic %b\r\n\r\n" % token)


def test_M2_addresses_are_let_in_or_refused_at_once(case) -> None:
    """
    Who may come in is served, all others get 403, and nothing waits.
    """
    found = case("ip 192.0.2.0/24")
    found.served(found.client(GET))
    answer = ask_from(found, "198.51.100.1")
    assert status_of(answer) == 403
    assert b"WWW-Authenticate" not in answer
    assert found.reasons() == ["ok", "forbidden"]
    check_rest(found.rig)


def ask_from(case: Case, host: str) -> bytes:
    """
    Return the answer that a client with an address gets.
    """
    return case.client(GET, host).taken()


def test_M2_the_address_connected_to_is_local(case) -> None:
    """
    A client whose address is the listener's own is on this machine.
    """
    found = case("local")
    found.served(found.client(GET, "192.0.2.254"))
    found.served(found.client(GET, "127.0.0.1"))
    assert status_of(ask_from(found, "192.0.2.1")) == 403


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"Basic",
        b"Basic ?",
        b"Basic Ym9i",  # bob
        b"Basic OnNlY3JldA==",  # :secret
        b"Bearer Ym9iOnNlY3JldA==",
        b"Basic Ym9iOnNlY3JldA==, Basic Ym9iOnNlY3JldA==",
    ],
)
def test_M2_without_a_password_it_is_asked_for(case, sent) -> None:
    """
    A request without user and password is answered 401 with a challenge, without a try.
    """
    found = case("valid-user")
    request = GET.replace(b"\r\n\r\n", b"\r\nAuthorization: %b\r\n\r\n" % sent) if sent else GET
    answer = ask(found.rig, request)
    assert status_of(answer) == 401
    assert CHALLENGE in answer
    assert found.reasons() == ["unauthorized"]
    assert not found.hashing.working


def test_M2_right_passwords_let_in_and_are_passed_on(case) -> None:
    """
    The member sees the Authorization header, as with Apache; the record has the user, and the
    time of the wait. The next request does not wait.
    """
    found = case("user bob")
    client = found.client(login(GET))
    assert client.taken() == b""
    found.rig.advance(1)
    found.hashing.finish()
    member = found.rig.accept()
    assert b"\r\nAuthorization: Basic " in member.taken()
    member.send(OK)
    assert status_of(client.taken()) == 200
    (outcome,) = found.rig.outcomes
    assert outcome.request.user == b"bob"
    assert outcome.duration == pytest.approx(1)
    assert outcome.balancer == "shop"
    client.send(login(GET))
    found.served(client)
    check_rest(found.rig)


@pytest.mark.parametrize(("user", "password"), [("bob", "wrong"), ("nobody", "secret")])
def test_M2_wrong_passwords_are_asked_for_again(case, user, password) -> None:
    """
    A wrong password gets another 401; the log has the name that was tried.
    """
    found = case("valid-user")
    client = found.client(login(GET, user, password))
    found.hashing.finish()
    answer = client.taken()
    assert status_of(answer) == 401
    assert CHALLENGE in answer
    assert found.rig.outcomes[0].request.user == user.encode()
    client.send(login(GET))
    found.hashing.finish()
    found.served(client)


def test_M2_the_wrong_user_is_asked_for_another(case) -> None:
    """
    A user who is not enough gets 401, as from Apache, not 403.
    """
    found = case("user bob")
    client = found.client(login(GET, "eve"))
    found.hashing.finish()
    assert status_of(client.taken()) == 401
    assert found.reasons() == ["unauthorized"]


def test_M2_no_password_is_asked_of_those_who_need_none(case) -> None:
    """
    Where an address suffices a password is not looked at, and not asked for where it is no use.
    """
    found = case("ip 192.0.2.1\nall(ip 192.0.2.2, valid-user)")
    found.served(found.client(login(GET, "bob", "wrong")))
    assert status_of(ask_from(found, "192.0.2.2")) == 401
    assert status_of(ask_from(found, "192.0.2.3")) == 403
    assert not found.hashing.working


def test_a_body_waits_with_its_request(case) -> None:
    """
    What comes of a body meanwhile is passed on, in order, whole or not.
    """
    found = case("valid-user")
    client = found.client(login(POST) + b"01234")
    client.send(b"56789")
    other = found.client(login(POST) + b"01234")
    found.hashing.finish()
    first, second = (each.accept() for each in found.rig.openings())
    assert body_of(first.taken()) == b"0123456789"
    assert body_of(second.taken()) == b"01234"
    other.send(b"56789")
    assert second.taken() == b"56789"
    for member in (first, second):
        member.send(OK)
    assert status_of(client.taken()) == status_of(other.taken()) == 200
    assert [each.bytes_in for each in found.rig.outcomes] == [10, 10]
    check_rest(found.rig)


def test_a_large_body_is_not_read_ahead(case) -> None:
    """
    Beyond 64 KiB the client is not read while its request waits, and read on after it.
    """
    found = case("valid-user")
    head = login(POST.replace(b"10\r\n", b"200000\r\n"))
    client = found.client(head + b"x" * 60000)
    client.send(b"x" * 10000)
    client.send(b"y" * 130000)
    assert not client.reading
    found.hashing.finish()
    member = found.rig.accept()
    client.settle()
    assert client.reading
    assert body_of(member.taken()) == b"x" * 70000 + b"y" * 130000
    member.send(OK)
    assert status_of(client.taken()) == 200
    check_rest(found.rig)


def test_a_member_that_is_full_keeps_the_client_waiting(case) -> None:
    """
    Where the member does not take what was kept, the client is read on only after it has.
    """
    found = case("ip 192.0.2.9\nvalid-user", member="")
    first = found.client(GET, "192.0.2.9")
    member = found.rig.accept()
    member.send(OK)
    assert status_of(first.taken()) == 200
    member.room = 0
    client = found.client(login(POST.replace(b"10\r\n", b"200000\r\n")) + b"x" * 70000)
    client.send(b"y" * 130000)
    found.hashing.finish()
    client.settle()
    assert not client.reading
    member.take()
    client.settle()
    assert client.reading
    assert body_of(member.taken().partition(b"\r\n\r\n")[2]) == b"x" * 70000 + b"y" * 130000
    member.send(OK)
    assert status_of(client.taken()) == 200


def test_a_refused_request_keeps_its_connection(case) -> None:
    """
    After a small body and a 401 the connection can be used again.
    """
    found = case("valid-user")
    client = found.client(login(POST, "bob", "wrong") + b"0123456789")
    client.send(login(GET))
    found.hashing.finish()
    answer = client.taken()
    assert status_of(answer) == 401
    assert b"\r\nConnection: close" not in answer
    found.hashing.finish()
    found.served(client)
    client = found.client(login(POST, "bob", "wrong") + b"01234")
    found.hashing.finish()
    assert client.taken() == b""
    client.send(b"56789")
    assert status_of(client.taken()) == 401


def test_a_large_body_is_refused_without_being_read(case) -> None:
    """
    A client that still sends can read the 401 and then has to come again.
    """
    found = case("valid-user")
    head = login(POST.replace(b"10\r\n", b"200000\r\n"), "bob", "wrong")
    client = found.client(head + b"x" * 70000)
    assert not client.reading
    found.hashing.finish()
    answer = client.taken()
    assert status_of(answer) == 401
    assert b"\r\nConnection: close" in answer
    assert client.reading
    client.send(b"x" * 130000)
    client.end()
    assert client.ended == "closed"
    assert found.reasons() == ["unauthorized"]


def test_requests_in_a_row_wait_in_a_row(case) -> None:
    """
    The next request of a connection is not begun before the last is answered.
    """
    found = case("valid-user")
    client = found.client(login(GET, "bob", "wrong") + login(GET, "eve", "wrong") + GET)
    assert len(found.hashing.working) == 1
    found.hashing.finish()
    assert len(found.hashing.working) == 1
    found.hashing.finish()
    assert client.taken().count(b"HTTP/1.1 401 ") == 3
    assert found.reasons() == ["unauthorized"] * 3


@pytest.mark.parametrize("rules", ["valid-user", "host a.example\nvalid-user"])
def test_a_client_that_leaves_is_forgotten(case, rules) -> None:
    """
    Nothing is decided for a client that is gone; its record says so, once.
    """
    found = case(rules)
    client = found.client(login(GET))
    client.reset()
    for threads in (found.look_ups, found.hashing):
        threads.finish(len(threads.working))
    assert not found.rig.openings()
    assert found.reasons() == ["client-gone"]
    check_rest(found.rig)


def test_a_client_that_breaks_its_request_is_told(case) -> None:
    """
    A bad chunk is answered while the password is still being verified.
    """
    found = case("valid-user")
    head = b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    client = found.client(login(head) + b"1\r\nx\r\n")
    client.send(b"zz\r\n")
    answer = client.taken()
    assert status_of(answer) == 400
    assert b"\r\nConnection: close" in answer
    found.hashing.finish()
    assert client.taken() == b""
    assert found.reasons() == ["bad-request"]


@pytest.mark.parametrize("length", [b"10", b"200000"])
def test_a_body_that_does_not_come_is_not_waited_for(case, length) -> None:
    """
    The clock of the body runs while its request waits.
    """
    found = case("valid-user", listener="body-timeout = 5s")
    client = found.client(login(POST.replace(b"10\r\n", length + b"\r\n")) + b"0")
    found.rig.advance(4)
    assert client.taken() == b""
    found.rig.advance(2)
    assert status_of(client.taken()) == 408
    assert found.reasons() == ["client-timeout"]


def test_nobody_waits_for_ever(case) -> None:
    """
    A check that takes too long ends in a 503 that asks to come back.
    """
    found = case("host a.example")
    client = found.client(GET)
    found.rig.advance(PATIENCE - 1)
    assert client.taken() == b""
    found.rig.advance(2)
    answer = client.taken()
    assert status_of(answer) == 503
    assert b"\r\nRetry-After: 1\r\n" in answer
    found.look_ups.finish()
    assert client.taken() == b""
    assert found.reasons() == ["access-busy"]


def test_too_many_checks_are_put_off(case) -> None:
    """
    Where very many passwords or names wait, further requests get 503.
    """
    found = case("valid-user")
    for number in range(68):
        found.client(login(GET, "bob", f"{number}"))
    assert status_of(ask(found.rig, login(GET))) == 503
    found = case("host a.example")
    for number in range(68):
        found.client(GET, f"192.0.2.{number}")
    assert status_of(ask_from(found, "192.0.2.100")) == 503


def test_M2_names_are_looked_up_and_then_decide(case, monkeypatch) -> None:
    """
    A visitor waits for its name, and is served or refused by it; the answer is kept.
    """
    monkeypatch.setattr("txbalancer.net.names.own_name", lambda address: "www.a.example")
    found = case("host a.example")
    client = found.client(GET)
    found.look_ups.finish()
    found.served(client)
    found.served(found.client(GET))
    found = case("host b.example")
    client = found.client(GET)
    found.look_ups.finish()
    assert status_of(client.taken()) == 403


def test_other_targets_are_guarded_too(tmp_path) -> None:
    """
    Redirects, statuses and what is not proxied are behind the rules as well.
    """
    rig = MemoryRig(
        "[listener:web]\nendpoint = tcp:80\n"
        "[mount:/a]\nto = status:418\nrequire = all denied\n"
        "[mount:/b]\nto = redirect:https://a/\nrequire = all denied\n"
        "[mount:/c]\nto = !\nrequire = all denied\n"
        "[mount:/d]\nto = status:418\nrequire = all granted\n"
    )
    found = [
        status_of(ask(rig, GET.replace(b"/ ", b"/%b " % each))) for each in (b"a", b"b", b"c", b"d")
    ]
    assert found == [403, 403, 403, 418]


def test_a_mount_without_rules_has_no_guard() -> None:
    """
    Where everybody may come in nothing stands before the target.
    """
    rig = MemoryRig(RIG)
    target = object()
    assert Guards(rig.runtime, b"s").wrap(MountSpec("/", "/", FixedStatus(200)), target) is target


def test_users_need_a_file() -> None:
    """
    Rules about users without a file of users cannot be put in force.
    """
    spec = MountSpec("/x", "/x", FixedStatus(200), require=(require("valid-user"),))
    with pytest.raises(StartError, match="mount /x: require asks for users: give auth-file"):
        Guards(MemoryRig(RIG).runtime, b"s").wrap(spec, object())


def test_a_realm_has_a_name(tmp_path) -> None:
    """
    Without auth-name the realm is called Restricted.
    """
    names = Guards(MemoryRig(RIG).runtime, b"s")._names
    guard = Guard(MountSpec("/", "/", FixedStatus(200)), object(), names, None)
    assert guard.challenge == b'WWW-Authenticate: Basic realm="Restricted", charset="UTF-8"'


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        (b"basic  Ym9iOnM6Og== ", (b"bob", b"s::")),
        (b"Basic Ym9iOg==", (b"bob", b"")),
        (b"Basic Ym9iOg", None),
    ],
)
def test_user_and_password_of_a_header(header, expected) -> None:
    """
    The scheme is read in any case; a password may have colons, or be empty (RFC 7617).
    """
    assert basic(header) == expected


def test_who_guesses_passwords_is_held_up(case) -> None:
    """
    After ten wrong ones 429 tells how long to wait, and no more is checked; whose password is
    known gets in from the same address all the same.
    """
    found = case("valid-user")
    found.client(login(GET))
    found.hashing.finish()
    found.rig.accept()
    for number in range(10):
        client = found.client(login(GET, password=f"wrong{number}"))
        found.hashing.finish()
        assert status_of(client.taken()) == 401
    answer = found.client(login(GET, password="wrong again")).taken()
    assert status_of(answer) == 429
    assert b"\r\nRetry-After: 6\r\n" in answer
    assert found.reasons()[-1] == "too-many-guesses"
    found.client(login(GET))
    assert found.rig.accept().taken().startswith(b"GET / ")
    found.rig.advance(6.5)
    client = found.client(login(GET, password="yet another"))
    found.hashing.finish()
    assert status_of(client.taken()) == 401

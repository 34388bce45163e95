"""
Files of htpasswd, and passwords against them.
"""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.peers import which
from txbalancer.core import htpasswd
from txbalancer.core.htpasswd import Fault, cost_of, fault_of, read, text_of, verify

BCRYPT = "$2y$05$8eTp2VN/lQ5bQ7D6rZ0zR.YF8fsZ5zC9b0Dk3gWJ6m9wzFmqWx4lq"
KNOWN = [
    # Of glibc's tests of SHA-crypt.
    ("$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!"),
    (
        "$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA",
        "Hello world!",
    ),
    (
        "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJu"
        "esI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
        "Hello world!",
    ),
    ("$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/", "myPassword"),  # of Apache's documentation
    ("{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=", "myPassword"),
    ("$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC", "myPassword"),
]


@pytest.mark.parametrize(("hashed", "password"), KNOWN)
def test_published_hashes_are_verified(hashed: str, password: str) -> None:
    """
    Hashes out of specifications and of Apache's documentation fit their password alone.
    """
    assert not fault_of(hashed)
    assert verify(hashed, password.encode())
    assert not verify(hashed, password.encode() + b"!")
    assert not verify(hashed, b"")


@pytest.mark.parametrize("kind", ["-B", "-m", "-s", "-2", "-5", "-2r1234", "-5r2000"])
@pytest.mark.parametrize("length", [1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 72, 73, 128, 255])
def test_what_htpasswd_makes_is_verified(kind: str, length: int) -> None:
    """
    Passwords of every length that matters to a hash are known as htpasswd wrote them.
    """
    program = which("htpasswd")
    if program is None:
        pytest.skip("htpasswd is not installed (Debian package apache2-utils)")
    password = ("pä$: word" * 40).encode()[:length]
    made = subprocess.run(
        [program, "-ni", kind, "bob"], input=password, capture_output=True, check=True
    ).stdout
    users, faults = read(made)
    assert not faults
    assert verify(users["bob"], password)
    assert not verify(users["bob"], b"x" + password[1:])


def test_passwords_that_no_file_can_hold_are_wrong() -> None:
    """
    A NUL does not end the password, and an endless one is not hashed.
    """
    hashed = KNOWN[3][0]
    assert not verify(hashed, b"myPassword\0")
    assert not verify(hashed, b"x" * 256)


def test_bcrypt_reads_72_bytes_as_in_apache() -> None:
    """
    What comes after 72 bytes does not matter to bcrypt.
    """
    import bcrypt

    hashed = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
    assert verify(hashed, b"x" * 80)
    assert not verify(hashed, b"x" * 71)


def test_a_file_is_read_as_apache_does() -> None:
    """
    Comments and empty lines do not count, further fields neither; a user's first line does.
    """
    text = f"# staff\r\n\r\nbob:{BCRYPT}:Bob Doe:x\r\nbob:{{SHA}}VBPuJHI7uixaa6LQGWx4s+5GKNE=\n"
    users, faults = read(text.encode() + b"\xff\xfe:" + KNOWN[3][0].encode())
    assert users == {"bob": BCRYPT, "\udcff\udcfe": KNOWN[3][0]}
    assert text_of(b"\xff\xfe") in users
    assert faults == []


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("bob", "is not of the form USER:HASH"),
        (":x", "is not of the form USER:HASH"),
        ("bob:", "user 'bob' has no password: set it anew with: htpasswd -B FILE"),
        ("bob:secret", "user 'bob' has a password in the clear or by DES crypt"),
        ("bob:ota6RanNnEoMk", "in the clear or by DES crypt, which anybody can guess"),
        ("bob:$1$abc$def", "has a damaged hash, or one of an unknown kind"),
        (f"bob:{BCRYPT[:-1]}", "has a damaged hash"),
        ("bob:$2y$05$" + "x" * 53, "has a damaged hash"),
        ("bob:{SSHA}abc", "has a damaged hash, or one of an unknown kind"),
        (f"bob:{BCRYPT.replace('$05$', '$18$')}", "has a bcrypt cost outside 4 to 17"),
        (f"bob:{BCRYPT.replace('$05$', '$03$')}", "has a bcrypt cost outside 4 to 17"),
        (f"bob:{KNOWN[1][0].replace('10000', '999')}", "has rounds outside 1000 to 1000000"),
        (f"bob:{KNOWN[1][0].replace('10000', '9' * 30)}", "has rounds outside"),
    ],
)
def test_each_bad_line_is_named(line: str, text: str) -> None:
    """
    Every line that cannot be used is told with its number; the others are read.
    """
    users, faults = read(f"eve:{BCRYPT}\n{line}\n".encode())
    assert users == {"eve": BCRYPT}
    assert [each.line for each in faults] == [2]
    assert text in faults[0].text
    assert isinstance(faults[0], Fault)


@settings(max_examples=200)
@given(st.binary(max_size=80))
def test_any_bytes_are_users_or_faults(data: bytes) -> None:
    """
    No file breaks the reading.
    """
    users, _ = read(data)
    assert all(not fault_of(hashed) for hashed in users.values())


def test_hashes_are_ranked_by_what_they_cost() -> None:
    """
    bcrypt of twice the rounds costs twice as much, and SHA-1 next to nothing.
    """
    costs = [cost_of(hashed) for hashed, _ in KNOWN]
    assert costs == [5000, 10000, 5000, 1000, 1, 1600]
    assert cost_of(BCRYPT.replace("$05$", "$06$")) == 2 * cost_of(BCRYPT)
    assert htpasswd.fault_of(BCRYPT) == ""


@settings(max_examples=60)
@given(
    st.one_of(
        st.from_regex(htpasswd._BCRYPT, fullmatch=True).map(lambda text: f"$2y$04{text[6:]}"),
        st.from_regex(htpasswd._APR1, fullmatch=True),
        st.from_regex(htpasswd._SHA1, fullmatch=True),
        st.from_regex(htpasswd._SHA2, fullmatch=True).filter(lambda text: "rounds" not in text),
    ),
    st.binary(max_size=100),
)
def test_whatever_is_taken_can_be_tried(hashed: str, password: bytes) -> None:
    """
    A hash that is no fault never breaks a try; one out of thin air fits no password.
    """
    assert not fault_of(hashed)
    assert not verify(hashed, password)

"""
Transcripts of probes: whatever was said, what people get to see.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from txbalancer.core.transcript import MOST, MOST_BODY, MOST_HEAD, Transcript, printable

REQUEST = b"GET /up HTTP/1.0\r\nHost: a\r\n\r\n"


def test_a_probe_in_lines() -> None:
    """
    Lines tell who said what, notes when something happened since the start.
    """
    transcript = Transcript(100.0)
    transcript.note("connected to 192.0.2.1:80", 100.0015)
    transcript.sent(REQUEST, 100.002)
    transcript.received(b"HTTP/1.1 200 OK\r\nConte", 100.0123)
    transcript.received(b"nt-Length: 3\r\n\r\nok\n", 100.0124)
    transcript.note("complete", 100.0125)
    assert transcript.text().split("\n") == [
        "* 1.5 ms: connected to 192.0.2.1:80",
        "> GET /up HTTP/1.0",
        "> Host: a",
        ">",
        "* 12.3 ms: the answer begins",
        "< HTTP/1.1 200 OK",
        "< Content-Length: 3",
        "<",
        "< ok",
        "* 12.5 ms: complete",
    ]


def test_secrets_are_not_shown() -> None:
    """
    Credentials and cookies are left out, of the request, the answer, and one after another head.
    """
    transcript = Transcript(0.0)
    transcript.sent(b"GET / HTTP/1.0\r\nauthorization: Basic c2VjcmV0\r\n\r\n", 0.0)
    transcript.received(
        b"HTTP/1.1 103 X\r\n\r\nHTTP/1.1 200 OK\r\nSet-Cookie : id=secret\r\n\r\n", 0.0
    )
    text = transcript.text()
    assert "> authorization: (hidden)" in text
    assert "< Set-Cookie : (hidden)" in text
    assert "secret" not in text
    assert "c2VjcmV0" not in text


def test_a_long_answer_is_cut() -> None:
    """
    Of the body the first 512 bytes are shown, and how many there were beyond.
    """
    transcript = Transcript(0.0)
    transcript.received(b"HTTP/1.1 200 OK\r\n\r\n", 0.0)
    for _ in range(100):
        transcript.received(b"y" * 100, 0.0)
    assert transcript.text().split("\n")[1:] == [
        "< HTTP/1.1 200 OK",
        "<",
        "< " + "y" * MOST_BODY,
        f"< ({10000 - MOST_BODY} bytes more)",
    ]


def test_a_long_head_is_cut() -> None:
    """
    A head that does not end is shown from its beginning.
    """
    transcript = Transcript(0.0)
    transcript.received(b"x" * 5000, 0.0)
    assert transcript.text().split("\n")[1:] == ["< " + "x" * MOST_HEAD, "< (2952 bytes more)"]


def test_text_that_would_move_a_cursor_or_turn_letters_round_is_not_shown() -> None:
    """
    Controls of terminals and of the direction of writing are replaced.
    """
    assert (
        printable("a\x1b[2Jb\u202e\u00e9")
        == "a\N{REPLACEMENT CHARACTER}[2Jb\N{REPLACEMENT CHARACTER}\u00e9"
    )


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("note"), st.text(max_size=30)),
            st.tuples(st.sampled_from(["sent", "received"]), st.binary(max_size=3000)),
        ),
        max_size=8,
    )
)
def test_whatever_was_said_is_printable_and_bounded(said: list[tuple[str, str | bytes]]) -> None:
    """
    No bytes make a transcript longer than its bound or unprintable, and none are an error.
    """
    transcript = Transcript(0.0)
    for what, data in said:
        getattr(transcript, what)(data, 0.001)
    text = transcript.text()
    assert len(text) <= MOST
    assert all(line.isprintable() for line in text.split("\n"))
    assert all(line[:1] in "*<>\N{HORIZONTAL ELLIPSIS}" for line in text.split("\n"))

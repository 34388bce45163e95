"""
Pages for answers that are made here: kind, words, escaping, size.
"""

from __future__ import annotations

import json
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.proxy.errorpages import error_page

HTML = b"text/html; charset=utf-8"
JSON = b"application/json"
PROBLEM = b"application/problem+json"


class Tags(HTMLParser):
    """
    Collects the tags and the text of a page.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def read(body: bytes) -> Tags:
    """
    Parse a page.
    """
    tags = Tags()
    tags.feed(body.decode("utf-8"))
    tags.close()
    return tags


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (b"", HTML),
        (b"*/*", HTML),
        (b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", HTML),
        (b"application/json", JSON),
        (b"Application/JSON; charset=utf-8", JSON),
        (b"application/json, text/plain, */*", JSON),
        (b"application/vnd.api+json", JSON),
        (b"application/problem+json, application/json;q=0.9", PROBLEM),
        (b"text/html, application/json", HTML),
        (b"text/html;q=0.5, application/json", JSON),
        (b"text/html, application/json;q=0.9", HTML),
        (b"*/*, application/json;q=0.9", HTML),
        (b"text/*;q=0.2, application/json;q=0.3", JSON),
        (b"application/json;q=0", HTML),
        (b"application/json;q=x", JSON),
        (b",;,json", HTML),
    ],
)
def test_the_kind_follows_accept(accept: bytes, kind: bytes) -> None:
    """
    JSON goes to those who name it and like it better; everybody else gets a page.
    """
    assert error_page(503, "no-member", "", accept)[0] == kind


@given(st.binary())
def test_any_accept_header_gets_an_answer(accept: bytes) -> None:
    """
    Nothing in the header breaks the choice.
    """
    kind, body = error_page(502, "bad-response", "", accept + b"json")
    assert kind in (HTML, JSON, PROBLEM)
    assert body


def test_a_page_helps_the_visitor_and_the_operator() -> None:
    """
    It says what happened, what to do, and the word to search the log for.
    """
    body = error_page(503, "no-member", "", b"")[1]
    page = read(body)
    assert "503 Service Unavailable" in page.text
    assert "try again" in page.text
    assert "no-member" in page.text
    assert len(body) < 1024


def test_a_page_needs_no_script_and_both_colour_schemes() -> None:
    """
    It is readable in light and dark and loads nothing.
    """
    body = error_page(404, "not-found", "", b"")[1]
    assert b"light dark" in body
    assert {"script", "link", "img"}.isdisjoint(read(body).tags)


def test_json_has_the_same_words() -> None:
    """
    A program reads status, title, detail and reason.
    """
    body = error_page(504, "response-timeout", "Too slow.", JSON, "r-17")[1]
    assert json.loads(body) == {
        "status": 504,
        "title": "Gateway Timeout",
        "detail": "Too slow.",
        "reason": "response-timeout",
        "request_id": "r-17",
    }


def test_a_request_id_is_shown() -> None:
    """
    A visitor can read the request's id out to somebody.
    """
    assert "no-member · r-17" in read(error_page(503, "no-member", "", b"", "r-17")[1]).text


@given(st.text(max_size=400), st.text(max_size=40))
def test_everything_is_escaped(text: str, reason: str) -> None:
    """
    No text can bring a tag in, whatever it is made of, and a page stays small.
    """
    expected = read(error_page(400, "x", "y", b"")[1]).tags
    body = error_page(400, reason, text, b"")[1]
    assert read(body).tags == expected
    assert len(body) < 4096


def test_text_from_undecodable_bytes() -> None:
    """
    Bytes that are no UTF-8 do not break a page.
    """
    text = b"GET /\xff".decode("utf-8", "surrogateescape")
    assert error_page(400, "bad-request", text, b"")[1]
    assert json.loads(error_page(400, "bad-request", text, JSON)[1])["status"] == 400


def test_an_unknown_status_has_no_phrase() -> None:
    """
    A status that has no name still has a page.
    """
    assert "<title>599</title>" in error_page(599, "x", "", b"")[1].decode()


def test_the_same_error_is_made_once() -> None:
    """
    A storm of one error hands out one page; pages with an id are not kept.
    """
    assert error_page(503, "a", "", b"")[1] is error_page(503, "a", "", b"*/*")[1]
    assert error_page(503, "a", "", b"", "1")[1] is not error_page(503, "a", "", b"", "1")[1]

"""
What a client reads when there is no answer to relay: a small page, or JSON.
"""

from __future__ import annotations

import functools
import html
import json
import re
from http import HTTPStatus

_HTML = b"text/html; charset=utf-8"
_JSON = b"application/json"
_PROBLEM = b"application/problem+json"

_LONGEST_TEXT = 200
_WEIGHT = re.compile(rb"(?:^|;)\s*q\s*=\s*(\d(?:\.\d{0,3})?)")

_HELP = {
    400: "The request could not be understood. Nothing was changed.",
    404: "There is nothing at this address. Check it for typing errors.",
    405: "This address cannot be used in this way.",
    408: "The request took too long to arrive. Please try again.",
    413: "What was sent is too large to be accepted.",
    414: "The address is too long.",
    431: "The request carries too much information, often cookies. Clearing them may help.",
    501: "This kind of request is not supported.",
    502: "The service did not give a usable answer. Please try again in a moment.",
    503: "The service cannot take requests right now. Please try again in a moment.",
    504: "The service did not answer in time. Please try again in a moment.",
}

_PAGE = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>{title}</title>
<style>body{{font:1.1em/1.5 system-ui,sans-serif;max-width:34em;margin:15vh auto;padding:0 1em}}\
small{{opacity:.7}}</style>
<h1>{title}</h1>
<p>{text}
<p><small>{detail}</small>
"""


def error_page(
    status: int, reason: str, text: str, accept: bytes, request_id: str = ""
) -> tuple[bytes, bytes]:
    """
    Return content type and body for an answer that is made here.

    @param reason: the word of the access log, shown so that an operator can search for it.
    @param text: what to tell the visitor; empty = a sentence that fits the status. It must
        not name members.
    @param accept: the request's Accept header, or C{b""}.
    @param request_id: shown with the reason, if there is one.
    """
    kind = _kind(accept) if b"json" in accept.lower() else _HTML
    make = _page if request_id else _cached_page
    return kind, make(kind, status, reason, text, request_id)


def _page(kind: bytes, status: int, reason: str, text: str, request_id: str) -> bytes:
    text = text[:_LONGEST_TEXT] or _HELP.get(status, "")
    if kind != _HTML:
        problem: dict[str, object] = {"status": status, "title": _phrase(status)}
        problem |= {"detail": text, "reason": reason}
        if request_id:
            problem["request_id"] = request_id
        return json.dumps(problem).encode("ascii") + b"\n"
    detail = f"{reason} · {request_id}" if request_id else reason
    shown = _PAGE.format(
        title=html.escape(f"{status} {_phrase(status)}".rstrip()),
        text=html.escape(text),
        detail=html.escape(detail),
    )
    # Text may come from a request, where any byte can have become a surrogate.
    return shown.encode("utf-8", "replace")


_cached_page = functools.lru_cache(maxsize=256)(_page)
"""Errors come in storms of the same kind."""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _kind(accept: bytes) -> bytes:
    """
    Choose by Accept. Source: RFC 9110 section 12.5.1.

    JSON is for those who name it and do not name HTML with the same weight; a range
    with a star may mean anything, and whoever only sends that gets HTML.
    """
    named, ranged, wanted, chosen = -1.0, -1.0, 0.0, _HTML
    for part in accept.lower().split(b","):
        media, _, parameters = part.partition(b";")
        media, quality = media.strip(), _quality(parameters)
        if media in (b"text/html", b"application/xhtml+xml"):
            named = max(named, quality)
        elif media in (b"text/*", b"*/*"):
            ranged = max(ranged, quality)
        elif (media == _JSON or media.endswith(b"+json")) and quality > wanted:
            wanted, chosen = quality, _PROBLEM if media == _PROBLEM else _JSON
    preferred = wanted > named if named >= 0 else wanted >= ranged
    return chosen if preferred else _HTML


def _quality(parameters: bytes) -> float:
    match = _WEIGHT.search(parameters)
    return min(float(match[1]), 1.0) if match else 1.0

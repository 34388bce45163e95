"""
Pages for people: templates, one style sheet, one script, and headers that let nothing else in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from twisted.web.http import Request

from txbalancer import __version__
from txbalancer.control.slices import Steps, at_once

_FOLDER = Path(__file__).parent
_TEMPLATES = Environment(
    loader=FileSystemLoader(_FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_POLICY = (
    "default-src 'none'; {script}style-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
_SCRIPT_POLICY = "script-src 'self'; connect-src 'self'; "
_HEADERS = {
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

SERVER = f"Apache/2.4.71 (compatible; txbalancer/{__version__})"
"""The server's version on pages: scripts look for the one whose pages they know."""


class Asset(NamedTuple):
    """
    A file that pages need.

    @ivar link: asks for it at the page's own path, so that it is wherever the page is; it
        names the content, which can be kept for good.
    """

    link: str
    kind: str
    content: bytes


def _asset(key: str, name: str, kind: str) -> Asset:
    content = (_FOLDER / name).read_bytes()
    version = hashlib.sha256(content).hexdigest()[:12]
    return Asset(f"?{key}={version}", f"{kind}; charset=utf-8", content)


STYLE = _asset("style", "style.css", "text/css")
SCRIPT = _asset("script", "manager.js", "text/javascript")
_ASSETS = {b"style": STYLE, b"script": SCRIPT}


_MANY = 2000
"""Pieces of a page that are written in one slice: about a millisecond's work."""


def prepare() -> None:
    """
    Compile all templates, which takes longer than a request should wait.
    """
    for name in _TEMPLATES.list_templates(extensions=("html", "xml")):
        _TEMPLATES.get_template(name)


def fill(template: str, **values: Any) -> bytes:
    """
    Fill a template in; every value is escaped.
    """
    return at_once(fill_slowly(template, **values))


def fill_slowly(template: str, **values: Any) -> Steps[bytes]:
    """
    Do the same for a page that may be long.
    """
    found = _TEMPLATES.get_template(template)
    pieces = found.generate(style=STYLE.link, script=SCRIPT.link, server=SERVER, **values)
    page = [_some(pieces)]
    while some := _some(pieces):
        page.append(some)
        yield
    return b"".join(page)


def _some(pieces: Iterator[str]) -> bytes:
    return "".join(islice(pieces, _MANY)).encode()


def guard(request: Request, content_type: str, script: bool = False) -> None:
    """
    Set the headers of a page that is made anew for each request.

    @param script: whether it may run our script.
    """
    headers = request.responseHeaders
    policy = _POLICY.format(script=_SCRIPT_POLICY if script else "")
    headers.setRawHeaders("Content-Security-Policy", [policy])
    headers.setRawHeaders("Content-Type", [content_type])
    headers.setRawHeaders("Cache-Control", ["no-store"])
    for name, value in _HEADERS.items():
        headers.setRawHeaders(name, [value])


def asset(request: Request) -> bytes | None:
    """
    Return the style sheet or the script if the request asks for it.
    """
    key, equals, _ = request.uri.partition(b"?")[2].partition(b"=")
    found = _ASSETS.get(key) if equals else None
    if found is None or request.method not in (b"GET", b"HEAD"):
        return None
    guard(request, found.kind)
    request.responseHeaders.setRawHeaders("Cache-Control", ["max-age=31536000, immutable"])
    return found.content


def own_path(request: Request) -> str:
    """
    Return the path of a request for links to it; never one that names another host.
    """
    return "/" + request.uri.partition(b"?")[0].decode("latin-1").lstrip("/")

"""
Pages for people: templates, one style sheet, and headers that let nothing else in.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from twisted.web.http import Request

from txbalancer import __version__

_FOLDER = Path(__file__).parent
_TEMPLATES = Environment(
    loader=FileSystemLoader(_FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

SERVER = f"Apache/2.4.71 (compatible; txbalancer/{__version__})"
"""The server's version on pages: scripts look for the one whose pages they know."""

STYLE = (_FOLDER / "style.css").read_bytes()
STYLE_VERSION = hashlib.sha256(STYLE).hexdigest()[:12]
STYLE_LINK = f"?style={STYLE_VERSION}"
"""Asks for the style sheet at the page's own path, so that it is wherever the page is."""


def fill(template: str, **values: Any) -> bytes:
    """
    Fill a template in; every value is escaped.
    """
    return (
        _TEMPLATES.get_template(template).render(style=STYLE_LINK, server=SERVER, **values).encode()
    )


def guard(request: Request, content_type: str) -> None:
    """
    Set the headers of a page that is made anew for each request.
    """
    headers = request.responseHeaders
    headers.setRawHeaders("Content-Type", [content_type])
    headers.setRawHeaders("Cache-Control", ["no-store"])
    for name, value in _HEADERS.items():
        headers.setRawHeaders(name, [value])


def style_sheet(request: Request) -> bytes | None:
    """
    Return the style sheet if the request asks for it.
    """
    if not request.uri.partition(b"?")[2].startswith(b"style="):
        return None
    guard(request, "text/css; charset=utf-8")
    # Its address names its content.
    request.responseHeaders.setRawHeaders("Cache-Control", ["max-age=31536000, immutable"])
    return STYLE


def own_path(request: Request) -> str:
    """
    Return the path of a request for links to it; never one that names another host.
    """
    return "/" + request.uri.partition(b"?")[0].decode("latin-1").lstrip("/")

"""
What a request to the page asks for, and whether it may be believed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

READING = ("b", "w", "nonce", "xml", "live", "login")
"""Fields that a GET may have; it can never change anything (APACHE M10)."""

MOST_BODY = 16 * 1024
"""Bytes of a form; Apache reads 1024 and forgets the rest."""

_MOST_FIELDS = 100
_FORM = "application/x-www-form-urlencoded"
# No user and no signs that two readers may take in two ways.
_PAGE = re.compile(
    r"https?://(?:\[[0-9a-f:.]+\]|[^/?#\\\s@:]+)(?::[0-9]*)?(?:[/?#]\S*)?\Z", re.IGNORECASE
)
_PORTS = {"http": ":80", "https": ":443"}


@dataclass(frozen=True, slots=True)
class Asked:
    """
    @ivar fields: name -> value; empty where they are not to be believed.
    @ivar refused: why they are not, for people; empty when they are.
    """

    fields: Mapping[str, str]
    refused: str = ""


def read_form(text: bytes) -> dict[str, str]:
    """
    Read a form, or a query; of a name that is there twice the last value counts.

    Values are decoded once. Apache decodes twice (APACHE M25), so that C{%2541} is an A.

    @raise ValueError: when it is no form.
    """
    return dict(
        parse_qsl(
            text.decode("utf-8"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    )


def asked(
    query: bytes,
    form: bytes | None,
    content_type: str,
    host: str,
    referer: str,
    origin: str,
    legacy: bool = False,
) -> Asked:
    """
    Read what a request asks for.

    @param form: the body of a POST, whose query does not count; C{None} for a GET.
    @param host: the request's Host header, as C{referer} and C{origin} are its others.
    @param legacy: whether a GET may have all fields, as with Apache before 2.4.41.
    """
    if form is not None and form and content_type.partition(";")[0].strip().lower() != _FORM:
        return Asked({}, f"a form is sent as {_FORM}, not as {content_type or 'anything else'}")
    try:
        fields = read_form(query if form is None else form)
    except ValueError:
        return Asked({}, "the form cannot be read: percent-encoded UTF-8 is expected")
    if form is None and not legacy:
        fields = {name: value for name, value in fields.items() if name in READING}
    if not fields:
        return Asked({})
    fault = distrust(host, referer, origin)
    return Asked({}, fault) if fault else Asked(fields)


def distrust(host: str, referer: str, origin: str) -> str:
    """
    Say why a request may come from somebody else's page; empty when it does not.

    The Referer has to name the request's own host (APACHE M11), and an Origin, which every
    browser sends with a POST, host and port.
    """
    if origin and not same_origin(host, origin):
        return f"the request comes from a page of {origin}"
    try:
        named = urlsplit(referer).hostname or "" if _PAGE.match(referer) else ""
    except ValueError:
        named = ""
    if not named:
        return (
            "the request has no Referer header that names this host: follow a link of this page,"
            " or have the script send one"
        )
    if named != _host_name(host):
        return f"the request comes from a page of {named}"
    return ""


def same_origin(host: str, origin: str) -> bool:
    """
    Tell whether a page of C{origin} is of the host, with its port, that a request names.
    """
    scheme, _, place = origin.lower().partition("://")
    port = _PORTS.get(scheme, "")
    return bool(place) and place.removesuffix(port) == host.lower().removesuffix(port)


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""

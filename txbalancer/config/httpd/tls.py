"""
What a server says of TLS towards clients: the directives of C{mod_ssl}.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from txbalancer.config.findings import Findings
from txbalancer.config.httpd.said import arguments, doubt, fault
from txbalancer.config.httpd.tree import Directive
from txbalancer.core import tlswords, values
from txbalancer.core.specs import ListenerSpec, options

ENGINE = "TLS"
"""Key of C{SSLEngine}, which is no option of a listener."""

NAMES = (
    "SSLCACertificateFile SSLCARevocationCheck SSLCARevocationFile SSLCertificateChainFile"
    " SSLCertificateFile SSLCertificateKeyFile SSLCipherSuite SSLEngine SSLHonorCipherOrder"
    " SSLOptions SSLProtocol SSLSessionCacheTimeout SSLSessionTickets SSLStrictSNIVHostCheck"
    " SSLVerifyClient SSLVerifyDepth"
)
"""The directives that are carried out."""

MERGED = ("tls_certificate", "tls_key")
"""Of all servers of an address; clients choose by name."""

_OF_CLIENTS = "SSLVerifyClient, SSLVerifyDepth and SSLCACertificateFile"
_FILES = ("tls_chain", "tls_client_ca", "tls_client_crl")
_KINDS = {name: option.kind for name, option in options(ListenerSpec)}
_HARMLESS = (
    "stdenvvars",
    "exportcertdata",
    "compatenvvars",
    "optrenegotiate",
    "legacydnstringformat",
)
_SPOKEN = ("TLSv1.2", "TLSv1.3")
_OLD = ("tlsv1", "tlsv1.1")
_LEAST_LIFE = 60.0


def read_tls(directives: Iterable[Directive], findings: Findings) -> dict[str, Any]:
    """
    Read what a server says itself; faults are noted.

    @return: attribute of a L{ListenerSpec} -> value, and L{ENGINE}.
    """
    found: dict[str, Any] = {}
    checked, list_of = "none", None
    for directive in directives:
        reader = _READERS.get(directive.key)
        try:
            if reader is not None:
                reader(directive, found, findings)
            elif directive.key == "sslcarevocationcheck":
                checked = _checked(directive)
            elif directive.key == "sslcarevocationfile":
                list_of = directive
        except ValueError as error:
            fault(findings, directive, error)
    if list_of is not None and checked == "chain":
        found["tls_client_crl"] = arguments(list_of, 1, 1, "one file")[0]
    elif list_of is not None:
        doubt(
            findings, list_of, "is not looked at without SSLCARevocationCheck chain, as in Apache"
        )
    return found


def with_root(said: Mapping[str, Any], root: str) -> dict[str, Any]:
    """
    Complete relative paths.
    """
    found = dict(said)
    for attribute in _FILES:
        if found.get(attribute):
            found[attribute] = os.path.join(root, found[attribute])
    for attribute in MERGED:
        if attribute in found:
            found[attribute] = tuple(os.path.join(root, each) for each in found[attribute])
    return found


def merge(first: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """
    Add the certificates of an address's other servers to those of the first, which are for
    clients that name nobody.
    """
    merged = dict(first)
    for attribute in MERGED:
        every = [each.get(attribute, ()) for each in (first, *others)]
        found = tuple(dict.fromkeys(path for some in every for path in some))
        if found:
            merged[attribute] = found
    return merged


def differs(attribute: str) -> tuple[str, str] | None:
    """
    Say why another value than that of an address's first server cannot be.

    @return: the key of the directive where that is told, and the text; C{None} if it can be.
    """
    if attribute == "tls_chain":
        return "sslcertificatechainfile", (
            "another chain than that of the first <VirtualHost> of its address cannot be: put each"
            " chain into the file of its certificate"
        )
    if attribute.startswith("tls_client"):
        return "sslverifyclient", (
            "the rules for certificates of clients differ from those of the first <VirtualHost> of"
            f" its address, and hold for an address as a whole: write the same {_OF_CLIENTS} in"
            " each, or give this one a port of its own"
        )
    return None


Reader = Callable[[Directive, dict[str, Any], Findings], None]


def _option(attribute: str) -> Reader:
    def read(directive: Directive, found: dict[str, Any], findings: Findings) -> None:
        found[attribute] = _KINDS[attribute].parse(arguments(directive, 1, 1, "one word")[0])

    return read


def _another(attribute: str) -> Reader:
    def read(directive: Directive, found: dict[str, Any], findings: Findings) -> None:
        (path,) = arguments(directive, 1, 1, "one word")
        found[attribute] = (*found.get(attribute, ()), path)

    return read


def _engine(directive: Directive, found: dict[str, Any], findings: Findings) -> None:
    (text,) = arguments(directive, 1, 1, "one word")
    if text.lower() == "optional":
        raise ValueError("TLS by Upgrade (RFC 2817) is not available: write On or Off")
    found[ENGINE] = values.flag.parse(text)


def _protocol(directive: Directive, found: dict[str, Any], findings: Findings) -> None:
    said = tlswords.versions(" ".join(arguments(directive, 1, 20, "names of versions")))
    spoken = [each for each in said if each in _SPOKEN]
    if not spoken:
        raise ValueError("clients are served from TLSv1.2 on: add TLSv1.2 or TLSv1.3")
    for word in directive.args:
        if word.removeprefix("+").lower() in _OLD:
            doubt(findings, directive, f"{word} is not spoken: clients are served from TLSv1.2 on")
    found["tls_protocol"] = " ".join(f"+{each}" for each in spoken).removeprefix("+")


def _ciphers(directive: Directive, found: dict[str, Any], findings: Findings) -> None:
    words = arguments(directive, 1, 2, "[PROTOCOL] CIPHERS")
    if words[-1].upper().startswith("PROFILE="):
        doubt(findings, directive, "the system has no word here: Mozilla's intermediate list holds")
        return
    older, newer = tlswords.ciphers(found.get("tls_ciphers", ""))
    now_older, now_newer = tlswords.ciphers(" ".join(words))
    older, newer = now_older or older, now_newer or newer
    parts = [f"SSL {older}"] if older else []
    parts += [f"TLSv1.3 {newer}"] if newer else []
    found["tls_ciphers"] = " ".join(parts)


def _verify(directive: Directive, found: dict[str, Any], findings: Findings) -> None:
    (word,) = arguments(directive, 1, 1, "one word")
    known = {"none": "off", "optional": "optional", "require": "require"}
    if word.lower() not in known:
        raise ValueError(f"{word!r} is not available: use none, optional or require")
    found["tls_client_verify"] = known[word.lower()]


def _life(directive: Directive, found: dict[str, Any], findings: Findings) -> None:
    seconds = values.duration().parse(arguments(directive, 1, 1, "one word")[0])
    found["tls_ticket_life"] = max(seconds, _LEAST_LIFE)


def _checked(directive: Directive) -> str:
    words = [each.lower() for each in arguments(directive, 1, 2, "chain, leaf or none")]
    if words[0] == "leaf" or words[1:]:
        raise ValueError("only chain and none are available, without flags")
    if words[0] not in ("chain", "none"):
        raise ValueError(f"{words[0]!r} is not allowed: use chain or none")
    return words[0]


def _options(directive: Directive, found: dict[str, Any], findings: Findings) -> None:
    for word in arguments(directive, 1, 20, "names of options"):
        if word.startswith("-"):
            continue
        if word.lstrip("+").lower() not in _HARMLESS:
            raise ValueError(
                f"{word} is not available; variables of TLS are there without any option, in"
                " RequestHeader as %{NAME}s and in LogFormat as %{NAME}x"
            )


_READERS: dict[str, Reader] = {
    "sslcacertificatefile": _option("tls_client_ca"),
    "sslcertificatechainfile": _option("tls_chain"),
    "sslcertificatefile": _another("tls_certificate"),
    "sslcertificatekeyfile": _another("tls_key"),
    "sslciphersuite": _ciphers,
    "sslengine": _engine,
    "sslhonorcipherorder": _option("tls_honor_order"),
    "ssloptions": _options,
    "sslprotocol": _protocol,
    "sslsessioncachetimeout": _life,
    "sslsessiontickets": _option("tls_tickets"),
    "sslstrictsnivhostcheck": _option("tls_strict_sni"),
    "sslverifyclient": _verify,
    "sslverifydepth": _option("tls_client_depth"),
}

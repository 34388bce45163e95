"""
Having browsers insist on https: (RFC 6797).
"""

from __future__ import annotations

from txbalancer.core.specs import ListenerSpec


def hsts_line(spec: ListenerSpec) -> bytes:
    """
    Return the header line of a listener's answers that says so, or C{b""}.
    """
    if not spec.hsts or not spec.secure:
        return b""
    more = b"; includeSubDomains" if spec.hsts_subdomains else b""
    return b"Strict-Transport-Security: max-age=%d%b" % (spec.hsts, more)


def with_hsts(lines: list[bytes], line: bytes, secure: bool) -> None:
    """
    Add the line to those of an answer, unless the member has said it.

    @param secure: whether the client's connection is under TLS: never without (RFC 6797 7.2). One
        from before a reload may be without where its listener is not.
    """
    if secure and not any(each[:26].lower() == b"strict-transport-security:" for each in lines):
        lines.append(line)

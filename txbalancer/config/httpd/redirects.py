"""
C{Redirect} and its like: which URLs send clients elsewhere, or have an answer without a page.

Source: what Apache 2.4.71 was seen to do. They come after every C{ProxyPass}, but for what an
exclusion leaves; those of a C{<VirtualHost>} come before the main server's; nobody is asked for
a password first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from txbalancer.config.findings import Findings
from txbalancer.config.httpd.patterns import EVERYWHERE, regex_pattern
from txbalancer.config.httpd.rules import NeverMatches, Rule, read_prefix
from txbalancer.config.httpd.said import doubt, fault
from txbalancer.config.httpd.tohttps import KEY as TO_HTTPS
from txbalancer.config.httpd.tree import Directive
from txbalancer.config.targets import REDIRECTS, check_references
from txbalancer.core.patterns import compile_pattern
from txbalancer.core.specs import FixedStatus, Redirect

KEYS = frozenset({"redirect", "redirectmatch", "redirectpermanent", "redirecttemp", TO_HTTPS})

_FIXED = {"redirectpermanent": 301, "redirecttemp": 302}
_WORDS = {"permanent": 301, "temp": 302, "seeother": 303, "gone": 410}
_NOT_SENT = re.compile(r"[^!-~]")

Target = Redirect | FixedStatus


def read_redirects(
    directives: Iterable[Directive], findings: Findings
) -> Iterator[tuple[Rule, Target]]:
    """
    Read those among the directives of a server, in file order.
    """
    for directive in directives:
        if directive.key in KEYS:
            try:
                yield read_redirect(directive)
            except NeverMatches as error:
                doubt(findings, directive, str(error))
            except ValueError as error:
                fault(findings, directive, error)


def read_redirect(directive: Directive) -> tuple[Rule, Target]:
    """
    Read one, and where it leads.

    @raise ValueError: saying what is wrong, in Apache's words where Apache has some.
    """
    if directive.key == TO_HTTPS:
        _, url, code = directive.args
        return Rule(directive, EVERYWHERE, url, ()), Redirect(int(code), url)
    status, path, url = _split(directive)
    regex = directive.key == "redirectmatch"
    pattern = regex_pattern(path) if regex else read_prefix(path)
    rule = Rule(directive, pattern, url, ())
    if not url:
        return rule, FixedStatus(status)
    _check(url, compile_pattern(pattern.text).groups if regex else None)
    return rule, Redirect(status, url)


def _split(directive: Directive) -> tuple[int, str, str]:
    words = list(directive.args)
    status = _FIXED.get(directive.key)
    if status is not None:
        if len(words) != 2:
            raise ValueError(f"{directive.name} takes a path, then the destination URL")
    elif not 1 <= len(words) <= 3:
        raise ValueError(f"{directive.name} takes an optional status, a path and a destination URL")
    else:
        status = _status(words[0])
        if status is not None:
            words.pop(0)
        elif len(words) == 3:
            raise ValueError(
                f"{directive.name}: invalid first argument (of three): use permanent, temp,"
                " seeother, gone or a number"
            )
    return _checked(302 if status is None else status, words)


def _status(word: str) -> int | None:
    if word.isdecimal() and word.isascii():
        return int(word[:4])
    return _WORDS.get(word.lower())


def _checked(status: int, words: list[str]) -> tuple[int, str, str]:
    path, url, *_ = [*words, "", ""]
    if 300 <= status < 400:
        if not url:
            raise ValueError(
                "URL to redirect to is missing: put a path before it, outside sections"
            )
        if status not in REDIRECTS:
            raise ValueError(f"{status} is not carried over: use {', '.join(map(str, REDIRECTS))}")
    elif url:
        raise ValueError(f"Redirect URL not valid for this status ({status})")
    elif not path:
        raise ValueError("the path is missing")
    elif not 200 <= status < 600:
        raise ValueError(f"{status} is not carried over: use a status from 200 to 599")
    return status, path, url


def _check(url: str, groups: int | None) -> None:
    if url.startswith("//") or not (url.startswith("/") or "://" in url):
        raise ValueError(f"Redirect to non-URL: {url}")
    if _NOT_SENT.search(url):
        raise ValueError(f"{url!r} has a character that must be written as %XX")
    if "$host" in url or (groups is None and re.search(r"\$\d", url)):
        raise ValueError(f"{url}: write %24 for a $ that stands for itself")
    if groups is not None and "\\" in url:
        raise ValueError(f"{url}: write %24 for \\$, and %5C for other backslashes")
    check_references(url, groups)

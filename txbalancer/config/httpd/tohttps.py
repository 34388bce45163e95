"""
The one use of C{mod_rewrite} that most files have: a C{<VirtualHost>} that sends all to https.

    RewriteEngine On
    RewriteCond %{HTTPS} off
    RewriteRule ^(.*)$ https://%{HTTP_HOST}%{REQUEST_URI} [L,R=301]

It becomes one C{RewriteRule} in a form that nobody can write, which L{redirects} reads. Rules are
asked before C{ProxyPass}, sections and C{Redirect}, so that none of these has a say any more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from txbalancer.config.httpd.tree import Directive

KEY = "rewriterule"

_KEYS = frozenset({"rewriteengine", "rewritecond", KEY})
_CONDITION = re.compile(r"%\{HTTPS\} (?:=?off|!=?on|\^off\$|!\^on\$)")
_FLAGS_OF_CONDITION = re.compile(r"\[(?:NC|nocase)\]|")
_EVERYTHING = {
    "": re.compile(r"\^|\.\*|\^\.\*\$?|/|\^/"),
    "$1": re.compile(r"\^?\(\.\*\)\$?|\^?\(/\.\*\)\$?"),
    "/$1": re.compile(r"\^/\?\(\.\*\)\$?|\^/\(\.\*\)\$?"),
}
"""What takes a whole path from the substitution: patterns that fit every path."""

_URL = re.compile(
    r"https://(?P<host>%\{HTTP_HOST\}|%\{SERVER_NAME\}|[A-Za-z0-9.-]+(?::\d{1,5})?)"
    r"(?P<rest>%\{REQUEST_URI\}|/?\$1)"
)
_STATUS = {"": 302, "temp": 302, "permanent": 301, "seeother": 303}
_STATUS |= {str(code): code for code in (301, 302, 303, 307, 308)}
_OTHER_FLAGS = frozenset({"l", "last", "end", "ne", "noescape", "nc", "nocase", "qsa", "qsappend"})


def with_redirect(inside: Sequence[Directive]) -> tuple[Directive, ...]:
    """
    Replace what sends every request of a plain C{<VirtualHost>} to https; else change nothing.
    """
    rewrites = [each for each in inside if each.key in _KEYS]
    others = any(each.key.startswith("rewrite") and each.key not in _KEYS for each in inside)
    secure = any(each.key == "sslengine" and "".join(each.args).lower() != "off" for each in inside)
    made = None if others or secure else _redirect(rewrites)
    if made is None:
        return tuple(inside)
    return (made, *(each for each in inside if each.key not in _KEYS))


def is_made(directive: Directive) -> bool:
    """
    Tell whether a directive comes from L{with_redirect}: its flags have no brackets.
    """
    return directive.key == KEY and len(directive.args) == 3 and directive.args[2].isdecimal()


def _redirect(rewrites: Sequence[Directive]) -> Directive | None:
    if len(rewrites) < 2:
        return None
    engine, *conditions, rule = rewrites
    on = engine.key == "rewriteengine" and [each.lower() for each in engine.args] == ["on"]
    if not on or rule.key != KEY:
        return None
    if not all(map(_holds, conditions)) or len(rule.args) != 3:
        return None
    pattern, substitution, flags = rule.args
    url = _URL.fullmatch(substitution)
    status = _status(flags)
    if url is None or status is None:
        return None
    taken = url["rest"] if url["rest"][-2:] == "$1" else ""
    patterns = _EVERYTHING.values() if not taken else (_EVERYTHING[taken],)
    if not any(each.fullmatch(pattern) for each in patterns):
        return None
    host = "$host" if url["host"][0] == "%" else url["host"]
    return replace(rule, args=("^", f"https://{host}/", str(status)))


def _holds(condition: Directive) -> bool:
    """
    Tell whether a directive is a condition that every request without TLS meets.
    """
    return (
        condition.key == "rewritecond"
        and _CONDITION.fullmatch(" ".join(condition.args[:2])) is not None
        and _FLAGS_OF_CONDITION.fullmatch(" ".join(condition.args[2:])) is not None
    )


def _status(flags: str) -> int | None:
    """
    Read C{[L,R=301]}.

    @return: C{None} when something else is asked for, too.
    """
    if flags[:1] != "[" or flags[-1:] != "]":
        return None
    found = None
    for flag in flags[1:-1].lower().split(","):
        name, _, value = flag.strip().partition("=")
        if name in ("r", "redirect") and value in _STATUS:
            found = _STATUS[value]
        elif name not in _OTHER_FLAGS or value:
            return None
    return found

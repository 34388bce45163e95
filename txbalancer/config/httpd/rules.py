"""
C{ProxyPass} and C{ProxyPassMatch}: which URLs go where, without what sections add.

Source: APACHE items H50 to H58, W31, W32 and H66.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from txbalancer.config.httpd.patterns import Pattern, prefix_pattern, regex_pattern
from txbalancer.config.httpd.tree import Directive
from txbalancer.config.mounts import check_path
from txbalancer.core.locations import is_glob_path

_KEY = re.compile(r"[A-Za-z][\w-]*=")
_AFTER_HOST = re.compile(r"(?P<origin>[\w+.-]+://[^/?#$]+)\$1(?P<rest>.*)")
_ATOM = r"[^()\[\]\\|]|\\.|\[[^\]]*\]"
_SLASH_IN_GROUP = re.compile(
    rf"(?P<start>\^[\w/-]*)\(/(?![?*+{{])(?:{_ATOM}|\((?:{_ATOM}|\|)*\))*\)(?![?*+{{])"
)


class NeverMatches(ValueError):
    """
    A rule that Apache takes, for paths that no request has.
    """


@dataclass(frozen=True, slots=True)
class Rule:
    """
    One C{ProxyPass}.

    @ivar pattern: which paths it takes: C{prefix} or C{regex}.
    @ivar url: where they go; C{!} for nowhere.
    @ivar words: C{key=value} for the member or balancer of the URL.
    @ivar flags: C{nocanon}, C{noquery} and C{mapping} as attributes of a mount.
    @ivar place: the C{<Location>} it stands in, or C{None}.
    """

    directive: Directive
    pattern: Pattern
    url: str
    words: tuple[str, ...]
    flags: tuple[tuple[str, bool | str], ...] = ()
    place: Pattern | None = None


def read_rule(directive: Directive, place: Pattern | None = None) -> Rule:
    """
    Read a rule.

    @param place: the C{<Location>} it stands in.
    @raise ValueError: saying what is wrong, in Apache's words where Apache has some.
    """
    words = list(directive.args)
    regex = directive.key == "proxypassmatch"
    if place is None and words[:1] == ["~"]:
        if regex:
            raise ValueError("ProxyPassMatch invalid syntax ('~' usage).")
        regex, words = True, words[1:]
    if place is None:
        if len(words) < 2 or _KEY.match(words[1]):
            raise ValueError("ProxyPass|ProxyPassMatch needs a path when not defined in a location")
        path = words.pop(0)
    else:
        path = place.text
        # As in Apache, a regular expression without * ? or [] is taken for a path here.
        regex = regex or is_glob_path(path)
        if not words:
            raise ValueError("the URL is missing")
        if words[0].startswith("/") or (len(words) > 1 and _is_url(words[1])):
            raise ValueError(
                "ProxyPass|ProxyPassMatch can not have a path when defined in a location."
            )
    flags, parameters = _sort(words[1:])
    if regex:
        path, words[0] = _slash_after_host(path, words[0])
    _check_url(words[0])
    if place is not None and place.kind == "regex" and not regex:
        pattern = Pattern("prefix", path)
    else:
        pattern = regex_pattern(path) if regex else read_prefix(path)
    return Rule(directive, pattern, words[0], parameters, flags, place)


def _is_url(word: str) -> bool:
    return word == "!" or (re.match(r"[\w+.-]+:", word) is not None and "=" not in word)


def read_prefix(path: str) -> Pattern:
    """
    Read the path of a rule outside of sections.

    @raise NeverMatches: when it does not start with a slash.
    """
    if not path.startswith("/"):
        raise NeverMatches(f"{path!r} does not start with /: it never matches")
    check_path(path)
    return prefix_pattern(path)


def _slash_after_host(regex: str, url: str) -> tuple[str, str]:
    """
    Turn C{^(/…)$} to C{http://host$1} into C{^/(…)$} to C{http://host/$1}, which is the same.
    """
    match = _AFTER_HOST.fullmatch(url)
    group = _SLASH_IN_GROUP.match(regex)
    if match is None or group is None:
        return regex, url
    start = group["start"]
    return f"{start}/({regex[len(start) + 2 :]}", f"{match['origin']}/$1{match['rest']}"


def _check_url(url: str) -> None:
    if url == "!":
        return
    scheme, colon, rest = url.partition(":")
    if scheme.lower() == "unix" and "|" in rest:
        return
    if not colon or not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme) or rest[:2] != "//":
        raise ValueError(f"ProxyPass URL must be absolute!: {url}")
    authority = re.split(r"[/?#]", rest[2:], maxsplit=1)[0]
    if not authority:
        raise ValueError(f"ProxyPass URL must be absolute!: {url}")
    if "@" in authority:
        # Before what shows the URL: a password is in it.
        raise ValueError("a user name or password in a URL is not supported")
    if "${" in authority:
        raise ValueError(f"{url} has a variable that is not defined")
    if "$" in authority:
        raise ValueError(f"{url}: a host or port that comes from the request is not carried over")


def _sort(words: list[str]) -> tuple[tuple[tuple[str, bool | str], ...], tuple[str, ...]]:
    flags: list[tuple[str, bool | str]] = []
    parameters = []
    for word in words:
        key, equals, value = word.partition("=")
        lowered = key.lower()
        if lowered in ("nocanon", "noquery") and not equals:
            flags.append((lowered, True))
        elif lowered == "interpolate" and not equals:
            raise ValueError("interpolate is not carried over: write the URL out")
        elif not equals:
            raise ValueError(
                "Invalid ProxyPass|ProxyPassMatch parameter. Parameter must be in the form"
                f" 'key=value'. ({word})"
            )
        elif lowered == "mapping":
            if value.lower() not in ("encoded", "servlet"):
                raise ValueError("unknown mapping: use encoded or servlet")
            flags.append(("mapping", value.lower()))
        else:
            parameters.append(word)
    return tuple(flags), tuple(parameters)

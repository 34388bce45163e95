"""
C{AddDefaultCharset} of a whole server, as the change of a header that it is.

Source: what Apache 2.4.71 was seen to do. Answers of members whose type begins
with C{text/html} or C{text/plain} get the charset when they have none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from txbalancer.config.httpd.tree import Directive

_KEY = "adddefaultcharset"
_NO_REQUESTS = frozenset({"directory", "directorymatch", "files", "filesmatch"})
_NAME = re.compile(r"[A-Za-z0-9._:+-]+")
_PATTERN = r"(?i)^(text/(?:html|plain)(?!.*charset=).*)$"


def with_charset(tree: Sequence[Directive]) -> tuple[Directive, ...]:
    """
    Replace the one C{AddDefaultCharset} of a file by a C{Header} behind all others.

    One within a section, and one of several, stays as it is, since there they replace
    each other, and changes of headers add up.
    """
    found = _all(tree)
    if len(found) != 1 or found[0] not in tree:
        return tuple(tree)
    (charset,) = found
    name = "".join(charset.args).lower()
    if len(charset.args) != 1 or name == "off" or not _NAME.fullmatch(name):
        return tuple(tree)
    name = "iso-8859-1" if name == "on" else charset.args[0]
    words = ("edit", "Content-Type", _PATTERN, f"$1; charset={name}")
    text = f'edit Content-Type {_PATTERN} "{words[3]}"'
    header = Directive("Header", words, text, charset.path, charset.line)
    return (*(each for each in tree if each is not charset), header)


def _all(tree: Sequence[Directive]) -> list[Directive]:
    found = [each for each in tree if each.key == _KEY]
    for each in tree:
        if each.key not in _NO_REQUESTS:
            found += _all(each.children or ())
    return found

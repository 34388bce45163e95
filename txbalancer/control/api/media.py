"""
Which type of answer somebody likes best (RFC 9110 section 12.5.1).
"""

from __future__ import annotations


def choose(accept: str | None, offered: tuple[str, ...]) -> str | None:
    """
    Choose a type.

    @param accept: the header; C{None} or empty for anything.
    @param offered: what there is, the first one where all are liked the same.
    @return: C{None} when none is acceptable.
    """
    if not accept or not accept.strip():
        return offered[0]
    wishes = [_wish(each) for each in accept.split(",") if each.strip()]
    best, most = None, 0.0
    for media in offered:
        likes = _likes(media, wishes)
        if likes > most:
            best, most = media, likes
    return best


def _wish(text: str) -> tuple[str, float]:
    media, *parameters = (part.strip().lower() for part in text.split(";"))
    for each in parameters:
        name, _, value = each.partition("=")
        if name.strip() == "q":
            try:
                return media, min(1.0, max(0.0, float(value)))
            except ValueError:
                return media, 0.0
    return media, 1.0


def _likes(media: str, wishes: list[tuple[str, float]]) -> float:
    # What is more exact counts more, wherever it stands.
    for pattern in (media, f"{media.partition('/')[0]}/*", "*/*"):
        found = [quality for name, quality in wishes if name == pattern]
        if found:
            return max(found)
    return 0.0

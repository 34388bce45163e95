"""
What a kind of value is: how it is read, shown and described.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """
    One kind of value.

    @ivar parse: text to value, or L{ValueError} saying what is allowed.
    @ivar show: value to the text that C{parse} reads back as the same value.
    @ivar allowed: what may be written, for the reference manual.
    @ivar lines: whether the value is a list with one entry per line.
    """

    parse: Callable[[str], T]
    show: Callable[[T], str]
    allowed: str
    lines: bool = False

    def __call__(self, text: str) -> T:
        """
        Read a value; the same as C{parse}.
        """
        return self.parse(text)


def kind(allowed: str, show: Callable[[Any], str] = str) -> Callable[[Callable[[str], T]], Kind[T]]:
    """
    Turn a parsing function into a L{Kind}; a decorator.
    """

    def decorate(parse: Callable[[str], T]) -> Kind[T]:
        return Kind(parse, show, allowed)

    return decorate


def each_line(one: Kind[T]) -> Kind[tuple[T, ...]]:
    """
    Make a kind for a list with one value of another kind per line; empty lines do not count.
    """

    def parse(value: str) -> tuple[T, ...]:
        return tuple(one(line.strip()) for line in value.split("\n") if line.strip())

    def show(found: tuple[T, ...]) -> str:
        return "\n".join(map(one.show, found))

    return Kind(parse, show, f"{one.allowed}; one per line", lines=True)


def zero_or(rest: Kind[T]) -> Kind[T]:
    """
    Make a kind for 0, which stands for a default, or a value of another kind.
    """

    @kind(f"0, or {rest.allowed}", rest.show)
    def parse(text: str) -> Any:
        try:
            return 0 if text == "0" else rest(text)
        except ValueError as error:
            raise ValueError(f"{error}, or 0") from None

    return parse


def none_or(word: str, rest: Kind[T]) -> Kind[T | None]:
    """
    Make a kind for a word, which stands for C{None}, or a value of another kind.
    """

    @kind(f"{word}, or {rest.allowed}", lambda value: word if value is None else rest.show(value))
    def parse(text: str) -> T | None:
        return None if text.lower() == word else rest(text)

    return parse


def or_forever(rest: Kind[float]) -> Kind[float]:
    """
    Make a kind for -1, which stands for ever, or a value of another kind.
    """

    @kind(f"-1 for ever, or {rest.allowed}", lambda value: "-1" if value < 0 else rest.show(value))
    def parse(text: str) -> float:
        return -1.0 if text == "-1" else rest(text)

    return parse

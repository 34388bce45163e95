"""
What JSON values may be: each shape reads a value and describes itself as JSON Schema, so that
the API's description cannot tell anything else than what it does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from txbalancer.config.suggest import choose_from
from txbalancer.core.values import show_duration

Schema = dict[str, Any]

_HINTS, _LONG = 10, 60
"""Unknown fields that get a hint, and characters of their names that are looked at."""


@dataclass(frozen=True, slots=True)
class Shape:
    """
    @ivar schema: in JSON Schema.
    @ivar read: JSON value -> our value, or L{ValueError} that says what is allowed.
    """

    schema: Schema
    read: Callable[[Any], Any]

    def described(self, text: str) -> Shape:
        """
        Return the same shape with a description.
        """
        return Shape({**self.schema, "description": text}, self.read)


def shown(value: Any) -> str:
    """
    Write a value into a message: not the whole of a long one.
    """
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def whole(least: int, most: int) -> Shape:
    """
    A whole number in a closed range; C{2.0} is one.
    """

    def read(value: Any) -> int:
        if not _number(value) or not least <= value <= most or value != int(value):
            raise ValueError(f"{shown(value)} is not a whole number from {least} to {most}")
        return int(value)

    return Shape({"type": "integer", "minimum": least, "maximum": most}, read)


def number(least: float, most: float) -> Shape:
    """
    A number in a closed range.
    """

    def read(value: Any) -> float:
        if not _number(value) or not least <= value <= most:
            raise ValueError(f"{shown(value)} is not a number from {least:g} to {most:g}")
        return float(value)

    return Shape({"type": "number", "minimum": least, "maximum": most}, read)


def switch() -> Shape:
    """
    True or false.
    """

    def read(value: Any) -> bool:
        if not isinstance(value, bool):
            raise ValueError(f"{shown(value)} is neither true nor false")
        return value

    return Shape({"type": "boolean"}, read)


def exactly(wanted: Any, meaning: Any) -> Shape:
    """
    One value and nothing else.

    @param meaning: what it is read as.
    """

    def read(value: Any) -> Any:
        if type(value) is not type(wanted) or value != wanted:
            raise ValueError(f"{shown(value)} is not {shown(wanted)}")
        return meaning

    return Shape({"const": wanted}, read)


def choice(allowed: Sequence[str]) -> Shape:
    """
    One of some words.
    """
    known = sorted(allowed)

    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError(f"{shown(value)} is not text")
        if value not in known:
            raise ValueError(f"{shown(value)} is not known{choose_from(value, known)}")
        return value

    return Shape({"type": "string", "enum": known}, read)


def text(form: str, parse: Callable[[str], Any], examples: Sequence[str] = ()) -> Shape:
    """
    Text that is read as in a configuration file.

    @param form: a name for it, the C{format} of the schema.
    """

    def read(value: Any) -> Any:
        if not isinstance(value, str):
            raise ValueError(f"{shown(value)} is not text")
        return parse(value)

    schema: Schema = {"type": "string", "format": form}
    return Shape({**schema, "examples": list(examples)} if examples else schema, read)


def span(least: float, most: float, parse: Callable[[str], float]) -> Shape:
    """
    A length of time: seconds as a number, or text with a unit such as C{10min}.

    @param parse: reads the text, and knows the range, too.
    """

    def read(value: Any) -> float:
        if isinstance(value, str):
            if value[-1:].isdigit():
                raise ValueError(f"{shown(value)} has no unit: write 30s, or 30 without quotes")
            found = parse(value)
        elif _number(value):
            found = value  # as a whole number it may be larger than any float
        else:
            raise ValueError(f"{shown(value)} is neither seconds nor text such as 30s or 10min")
        if not least <= found <= most:
            raise ValueError(
                f"{shown(value)} is out of range: {show_duration(least)} to {show_duration(most)}"
            )
        return float(found)

    return Shape(
        {"type": ["number", "string"], "minimum": least, "maximum": most, "format": "span"}, read
    )


def size(least: int, most: int, parse: Callable[[str], int]) -> Shape:
    """
    A number of bytes, or text with a unit such as C{64K}.
    """
    bytes_ = whole(least, most)

    def read(value: Any) -> int:
        return parse(value) if isinstance(value, str) else int(bytes_.read(value))

    return Shape(
        {"type": ["integer", "string"], "minimum": least, "maximum": most, "format": "size"}, read
    )


def either(*shapes: Shape) -> Shape:
    """
    Any of several shapes; what none reads gets the message of the last.
    """

    def read(value: Any) -> Any:
        for each in shapes[:-1]:
            try:
                return each.read(value)
            except ValueError:
                continue
        return shapes[-1].read(value)

    return Shape({"anyOf": [each.schema for each in shapes]}, read)


class Faults(ValueError):
    """
    What is wrong with an object.

    @ivar found: (field, text) pairs.
    """

    def __init__(self, found: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{name}: {text}" if name else text for name, text in found))
        self.found = tuple(found)


@dataclass(frozen=True, slots=True)
class Fields:
    """
    An object of known fields.

    @ivar shapes: field -> shape.
    @ivar required: fields that must be there.
    @ivar needs: field -> another that must be there with it.
    @ivar least: how many there must be.
    """

    shapes: Mapping[str, Shape]
    required: tuple[str, ...] = ()
    needs: Mapping[str, str] = field(default_factory=dict)
    least: int = 0

    @property
    def schema(self) -> Schema:
        """
        In JSON Schema.
        """
        found: Schema = {
            "type": "object",
            "properties": {name: each.schema for name, each in self.shapes.items()},
            "additionalProperties": False,
        }
        if self.required:
            found["required"] = list(self.required)
        if self.needs:
            found["dependentRequired"] = {name: [other] for name, other in self.needs.items()}
        if self.least:
            found["minProperties"] = self.least
        return found

    def read(self, value: Any) -> dict[str, Any]:
        """
        Read an object.

        @return: field -> our value, of those that are there.
        @raise Faults: with everything that is wrong.
        """
        if not isinstance(value, dict):
            raise Faults([("", f"an object is expected, such as {{}}, not {shown(value)}")])
        found: dict[str, Any] = {}
        faults: list[tuple[str, str]] = []
        for name, its in value.items():
            shape = self.shapes.get(name)
            if shape is None:
                # A word that is like it takes a while to find.
                hint = choose_from(name[:_LONG], self.shapes) if len(faults) < _HINTS else ""
                faults.append((name, f"is not known here{hint}"))
                continue
            try:
                found[name] = shape.read(its)
            except ValueError as error:
                faults.append((name, str(error)))
        faults += [(name, "is missing") for name in self.required if name not in value]
        faults += [
            (name, f"needs {other} beside it")
            for name, other in self.needs.items()
            if name in value and other not in value
        ]
        if len(value) < self.least and not faults:
            faults.append(("", f"nothing to do: give one of {', '.join(self.shapes)}"))
        if faults:
            raise Faults(faults)
        return found

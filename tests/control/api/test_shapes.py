"""
What JSON values may be.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.control.api import shapes
from txbalancer.control.api.options import BALANCER, MEMBER, shape_of
from txbalancer.control.api.shapes import Faults, Fields, Shape
from txbalancer.core import values
from txbalancer.core.overrides import show
from txbalancer.services.plugins import load_registry

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
REGISTRY = load_registry()
EVERY = {
    f"{kind}.{name}": shape_of(option, REGISTRY)
    for kind, table in (("member", MEMBER), ("balancer", BALANCER))
    for name, option in table.items()
    if not option.secret
}


@pytest.mark.parametrize(
    ("shape", "value", "read"),
    [
        (shapes.whole(1, 5), 5, 5),
        (shapes.whole(1, 5), 2.0, 2),
        (shapes.number(1, 5), 2, 2.0),
        (shapes.switch(), False, False),
        (shapes.exactly("max", None), "max", None),
        (shapes.choice(["b", "a"]), "a", "a"),
        (shapes.span(1, 600, values.duration()), "10min", 600.0),
        (shapes.span(0.1, 600, values.duration()), 0.5, 0.5),
        (shapes.size(512, 2048, values.size()), "1K", 1024),
        (shapes.size(512, 2048, values.size()), 600, 600),
        (shapes.either(shapes.exactly(0, 0), shapes.whole(5, 6)), 5, 5),
    ],
)
def test_what_is_read(shape: Shape, value: Any, read: Any) -> None:
    """
    Each shape reads what its schema describes.
    """
    assert shape.read(value) == read


@pytest.mark.parametrize(
    ("shape", "value", "text"),
    [
        (shapes.whole(1, 5), 6, "1 to 5"),
        (shapes.whole(1, 5), True, "whole number"),
        (shapes.whole(1, 5), "3", "'3' is not a whole number"),
        (shapes.whole(1, 5), 1.5, "whole number"),
        (shapes.number(1, 5), 0.5, "1 to 5"),
        (shapes.switch(), 0, "neither true nor false"),
        (shapes.exactly(False, 0), 0, "0 is not False"),
        (shapes.choice(["drain", "stop"]), "drian", "did you mean drain"),
        (shapes.choice(["drain", "stop"]), 1, "not text"),
        (shapes.text("x", str), 1, "not text"),
        (shapes.span(1, 600, values.duration()), "10", "no unit"),
        (shapes.span(1, 600, values.duration()), "11min", "out of range: 1s to 10min"),
        (shapes.span(1, 600, values.duration()), 0.5, "out of range"),
        (shapes.span(1, 600, values.duration()), 10**400, "out of range"),
        (shapes.span(1, 600, values.duration()), True, "neither seconds nor text"),
        (shapes.span(1, 600, values.duration()), "soon", "not a duration"),
        (shapes.size(512, 2048, values.size()), 0, "512 to 2048"),
        (shapes.either(shapes.exactly(0, 0), shapes.whole(5, 6)), 4, "5 to 6"),
    ],
)
def test_what_is_refused(shape: Shape, value: Any, text: str) -> None:
    """
    What does not fit is refused, with what would.
    """
    with pytest.raises(ValueError, match=text):
        shape.read(value)


@given(st.sampled_from(sorted(EVERY)), JSON)
def test_nothing_but_a_fault_comes_of_anything(name: str, value: Any) -> None:
    """
    Whatever is sent for an option is read or refused in words.
    """
    with suppress(ValueError):
        EVERY[name].read(value)


@pytest.mark.parametrize("name", sorted(EVERY))
def test_every_option_has_a_shape_that_takes_its_default(name: str) -> None:
    """
    The default of an option can be sent, and is the default again; its meaning is told.
    """
    kind, _, attribute = name.partition(".")
    option = (MEMBER if kind == "member" else BALANCER)[attribute]
    shape, default = EVERY[name], option.modern
    assert shape.schema["description"] == option.doc
    value = default / 100 if attribute == "loadfactor" else default
    for each in (value, show(option, default)):
        try:
            assert shape.read(each) == default
        except ValueError:
            continue
        return
    assert default is None, f"{name}: {default!r}"


def test_a_factor_is_cut_to_hundredths() -> None:
    """
    As everywhere, a factor has two digits behind the point; sums of halves do not lose any.
    """
    read = EVERY["member.loadfactor"].read
    assert [read(each) for each in (1, 1.1, 2.259, 1.15, 100)] == [100, 110, 225, 115, 10000]


FIELDS = Fields(
    {"a": shapes.whole(0, 9), "b": shapes.switch(), "c": shapes.switch()},
    required=("a",),
    needs={"c": "b"},
)


def test_all_faults_of_an_object_are_told() -> None:
    """
    Everything that is wrong is told at once, by field.
    """
    with pytest.raises(Faults) as caught:
        FIELDS.read({"b": 1, "c": True, "d": 2})
    assert dict(caught.value.found) == {
        "b": "1 is neither true nor false",
        "d": "is not known here; use a, b or c",
        "a": "is missing",
    }
    with pytest.raises(Faults, match="needs b beside it"):
        FIELDS.read({"a": 1, "c": True})


def test_an_object_and_nothing_else() -> None:
    """
    A list, a text or nothing is no object; an empty one may be too little.
    """
    for value in ([], "x", None, 1):
        with pytest.raises(Faults, match="an object is expected"):
            FIELDS.read(value)
    with pytest.raises(Faults, match="nothing to do: give one of a"):
        Fields({"a": shapes.switch()}, least=1).read({})
    assert Fields({}).read({}) == {}
    assert FIELDS.schema["dependentRequired"] == {"c": ["b"]}

"""
Which certificate for which name.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from txbalancer.tls.names import Names


@dataclass(frozen=True)
class One:
    """
    Something with names.
    """

    names: tuple[str, ...]
    kind: str = "RSA"


A = One(("a.test", "www.a.test"))
STAR = One(("*.a.test", "a.test"))
EC = One(("a.test",), "ECDSA")
OTHER = One(("*.test", "192.0.2.1", "::1"))


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.test", (A, EC)),
        ("A.TEST.", (A, EC)),
        ("www.a.test", (A,)),
        ("x.a.test", (STAR,)),
        ("x.y.a.test", ()),
        ("b.test", (OTHER,)),
        ("test", ()),
        ("*.a.test", (STAR,)),
        ("192.0.2.1", (OTHER,)),
        ("", ()),
    ],
)
def test_a_name_is_looked_up(name, found) -> None:
    """
    Exact names go first, a star stands for one label, and of each kind the first counts.
    """
    assert Names([A, STAR, EC, OTHER]).find(name) == found


def test_the_default_is_the_first_with_its_twins() -> None:
    """
    A certificate of another kind for the very same names belongs to the default.
    """
    twin = One(("www.a.test", "a.test"), "ECDSA")
    assert Names([A, STAR, EC, twin]).default == (A, twin)
    assert Names([EC, A]).default == (EC,)
    assert Names([]).default == ()


def test_the_combinations() -> None:
    """
    Each that may be asked for is there once.
    """
    assert list(Names([A, STAR, EC, OTHER]).groups()) == [
        (A,),
        (A, EC),
        (OTHER,),
        (STAR,),
    ]

"""
Define and ${NAME}.
"""

from __future__ import annotations

import time

import pytest

from txbalancer.config.httpd import variables
from txbalancer.config.httpd.variables import OF_DEBIAN, Variables


def expanded(known: Variables, text: str) -> tuple[str, list[str]]:
    """
    Return a text with its variables replaced, and what was told.
    """
    told: list[str] = []
    return known.expand(text, told.append), told


def test_values_are_put_in() -> None:
    """
    Every reference is replaced, whatever the case; what comes in is not looked at again.
    """
    known = Variables((), {"HOME": "/home/x"})
    known.define("A", "1 ${B}")
    known.define("B", "2")
    assert expanded(known, "x ${a} ${B} $B %{B}e ${HOME} ${") == (
        "x 1 ${B} 2 $B %{B}e /home/x ${",
        [],
    )


def test_definitions_come_before_the_environment() -> None:
    """
    A definition hides a variable of the environment, until it is taken back.
    """
    known = Variables((), {"A": "old"})
    known.define("A", "new")
    assert expanded(known, "${A}") == ("new", [])
    known.undefine("A")
    assert expanded(known, "${A}") == ("old", [])
    assert not known.is_defined("A")


def test_a_name_without_a_value() -> None:
    """
    Such a name is there for <IfDefine>, where case matters, and has no value.
    """
    known = Variables(["FROM_OUTSIDE"], {})
    known.define("SSL", None)
    assert known.is_defined("SSL")
    assert known.is_defined("FROM_OUTSIDE")
    assert not known.is_defined("ssl")
    assert expanded(known, "a ${SSL}") == ("a ${SSL}", ["${SSL} is not defined"])


def test_unknown_variables_stay_and_are_told() -> None:
    """
    The likeliest name is proposed.
    """
    known = Variables((), {})
    known.define("LOG_DIR", "/var/log")
    assert expanded(known, "${LOGDIR}/x") == (
        "${LOGDIR}/x",
        ["${LOGDIR} is not defined (did you mean LOG_DIR?)"],
    )


def test_variables_of_Debian() -> None:
    """
    What its envvars sets for Apache alone is what its files count on: it is told once.
    """
    known = Variables((), {"APACHE_RUN_USER": "other"})
    known.define("APACHE_RUN_DIR", "/run/x")
    assert expanded(known, "${APACHE_RUN_USER} ${APACHE_RUN_DIR}") == ("other /run/x", [])
    text, (told,) = expanded(known, "${APACHE_LOG_DIR}")
    assert text == OF_DEBIAN["APACHE_LOG_DIR"]
    assert told.startswith(f"${{APACHE_LOG_DIR}} is taken to be {text}, and others likewise, as in")
    for name, value in OF_DEBIAN.items():
        if name not in ("APACHE_RUN_USER", "APACHE_RUN_DIR"):
            assert expanded(known, f"${{{name}}}/${{{name}}}") == (f"{value}/{value}", [])


def test_values_do_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Values of values double with each line: at some length that is refused.
    """
    monkeypatch.setattr(variables, "MOST_CHARACTERS", 1000)
    known = Variables((), {})
    known.define("A", "x" * 100)
    assert expanded(known, "${A}" * 10) == ("x" * 1000, [])
    with pytest.raises(OverflowError, match="too long"):
        expanded(known, "${A}")


def test_time_is_linear() -> None:
    """
    Beginnings of references that never end cost no more than other text.
    """
    known = Variables((), {})
    start = time.process_time()
    assert expanded(known, "${" * 200000) == ("${" * 200000, [])
    assert expanded(known, "}" + "${" * 200000)[1] == []
    assert time.process_time() - start < 1

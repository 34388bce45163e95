"""
Text in the notation of C{man}: nothing in it is taken for a command of roff.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from txbalancer.manpages.roff import Page, escaped, marked

WORDS = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1)


def page() -> Page:
    """
    Begin a page with one section.
    """
    begun = Page("it", 1, "that")
    begun.section("PART")
    return begun


def lines(made: Page) -> list[str]:
    """
    Return what a page has in that section.
    """
    return str(made).split('.SH "PART"\n')[1].splitlines()


@given(WORDS)
def test_text_is_no_command(text: str) -> None:
    """
    No line of a text begins with a dot or a quote, and backslashes begin only what is ours.
    """
    found = escaped(text)
    assert found[0] not in ".'"
    rest = found.removeprefix("\\&")
    for ours in ("\\e", "\\-", "\\(aq", "\\(ha", "\\(ti", "\\(ga"):
        rest = rest.replace(ours, "")
    assert "\\" not in rest


@given(st.lists(WORDS, min_size=1))
def test_paragraphs_stay_paragraphs(words: list[str]) -> None:
    """
    However a paragraph is broken into lines, none of them is a command.
    """
    made = page()
    made.item("term", " ".join(words))
    assert not [line for line in lines(made)[2:] if line.startswith((".", "'"))]


def test_literals_are_bold_and_pages_named() -> None:
    """
    What is to be typed is bold; a reference to a page of the manual says which one.
    """
    assert marked("``--a``, see :doc:`tls`") == "\\fB\\-\\-a\\fR, see the manual on tls"


def test_lists_and_literal_blocks() -> None:
    """
    A list has a bullet for each entry, and a literal block keeps its lines, the empty ones too.
    """
    made = page()
    made.text("One of\n\n- a\n- b\n\nas in ::\n\n    [x]\n    y =\n\nEnd.")
    assert lines(made) == [
        *("One of", ".IP • 2", "a", ".IP • 2", "b", ".PP", "as in"),
        *(".PP", ".RS 4", ".nf", "[x]", "y =", ".fi", ".RE", ".PP", "End."),
    ]


def test_sentences_begin_lines() -> None:
    """
    Each sentence stands on a line of its own, so that roff knows where it ends.
    """
    made = page()
    made.text("One is here. Two is there.")
    assert lines(made) == ["One is here.", "Two is there."]

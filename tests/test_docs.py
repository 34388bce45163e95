"""
The manual agrees with the program: generated pages are fresh, links lead somewhere.
"""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.rst"))
RECORDS = sorted((DOCS / "adr").glob("[0-9]*.rst"))
FRAGMENTS = sorted(
    path for path in (ROOT / "newsfragments").glob("*.rst") if path.name != "README.rst"
)
KINDS = {"feature", "bugfix", "doc", "removal", "misc"}


def test_options_page_is_fresh() -> None:
    """
    docs/options.rst is what the options' own descriptions give; C{make docs} writes it.
    """
    render = runpy.run_path(str(DOCS / "generate.py"))["render"]
    assert (DOCS / "options.rst").read_text() == render()


def test_index_leads_to_every_page() -> None:
    """
    Every page of the manual is in the table of contents.
    """
    index = (DOCS / "index.rst").read_text()
    listed = set(re.findall(r"^   ([a-z/-]+)$", index, re.MULTILINE))
    assert {path.stem for path in PAGES} - {"index"} <= listed


@pytest.mark.parametrize("page", [*PAGES, *RECORDS], ids=lambda path: path.stem)
def test_references_lead_somewhere(page: Path) -> None:
    """
    Each :doc: reference names a page that is there.
    """
    for target in re.findall(r":doc:`([^`]+)`", page.read_text()):
        assert (page.parent / f"{target}.rst").exists(), target


@pytest.mark.parametrize("page", [ROOT / "README.rst", ROOT / "CONTRIBUTING.rst"])
def test_files_named_are_there(page: Path) -> None:
    """
    Each file that the two entrance pages name with its folder exists.
    """
    named = set(re.findall(r"``((?:docs|etc|tests|txbalancer)/[\w./-]+)``", page.read_text()))
    missing = [
        name
        for name in named
        if not (ROOT / name).exists() and not (ROOT / name.replace("NAME", "leastload")).exists()
    ]
    assert named
    assert not missing


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_decision_records_have_their_form(record: Path) -> None:
    """
    A record has its number in the title, a status, the three parts, and at most a page.
    """
    text = record.read_text()
    assert text.startswith(f"{record.name[:4]}. ")
    assert re.search(r"^:Status: (accepted|replaced by \d{4})$", text, re.MULTILINE)
    parts = re.findall(r"^(\w+)\n-+$", text, re.MULTILINE)
    assert parts == ["Context", "Decision", "Consequences"]
    assert len(text.splitlines()) <= 60


def test_decision_records_are_numbered_in_turn() -> None:
    """
    Numbers go up by one from 0001.
    """
    assert [int(path.name[:4]) for path in RECORDS] == list(range(1, len(RECORDS) + 1))


@pytest.mark.parametrize("fragment", FRAGMENTS, ids=lambda path: path.name)
def test_news_fragments_have_a_kind(fragment: Path) -> None:
    """
    A news fragment is called TOPIC.KIND.rst and says something.
    """
    assert re.fullmatch(rf"[a-z0-9-]+\.({'|'.join(KINDS)})\.rst", fragment.name)
    assert fragment.read_text().strip()

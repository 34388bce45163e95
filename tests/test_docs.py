"""
The manual agrees with the program: generated pages are fresh, links lead somewhere.
"""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from docutils.core import publish_string
from twisted.internet.defer import succeed
from twisted.plugin import IPlugin
from zope.interface.verify import verifyObject

from txbalancer.config import loads
from txbalancer.config.reference import reference
from txbalancer.core.specs import BalancerSpec, MemberSpec, SourceSpec
from txbalancer.errors import ConfigErrors
from txbalancer.interfaces import (
    ILBMethod,
    ILBMethodFactory,
    IMemberSource,
    IMemberSourceFactory,
)
from txbalancer.services.plugins import load_registry

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.rst"))
RECORDS = sorted((DOCS / "adr").glob("[0-9]*.rst"))
FRAGMENTS = sorted(
    path for path in (ROOT / "newsfragments").glob("*.rst") if path.name != "README.rst"
)
KINDS = {"feature", "bugfix", "doc", "removal", "misc"}


LISTENER = "[listener:docs]\nendpoint = tcp:8080\n"


def ini_blocks() -> list[object]:
    """
    Return each example configuration of the manual with a readable id.
    """
    found = []
    for page in (ROOT / "README.rst", *PAGES):
        blocks = re.findall(r"^\.\. code-block:: ini\n((?:\n|    .*\n)+)", page.read_text(), re.M)
        for number, block in enumerate(blocks):
            text = textwrap.dedent(block)
            if "[metadata]" not in text:
                found.append(pytest.param(text, id=f"{page.stem}-{number}"))
    return found


def completed(text: str) -> str:
    """
    Add what an example leaves out because the reader has it already.
    """
    has = set(re.findall(r"^\[balancer:(\w+)\]", text, re.M))
    wants = set(re.findall(r"balancer://(\w+)", text))
    text += "" if "[listener:" in text else LISTENER
    text += "".join(f"[balancer:{name}]\nmembers = http://127.0.0.1:9\n" for name in wants - has)
    return text + "".join(f"[mount:/{name}]\nto = balancer://{name}/\n" for name in has - wants)


@pytest.mark.parametrize("text", ini_blocks())
def test_examples_are_valid(text: str) -> None:
    """
    Each example configuration of the manual loads, without an error and without a warning.
    """
    assert loads(completed(text), load_registry()).warnings == []


def test_reference_page_is_fresh() -> None:
    """
    docs/reference.rst is what the options' own descriptions give; C{make docs} writes it.
    """
    assert (DOCS / "reference.rst").read_text() == reference()


def test_index_leads_to_every_page() -> None:
    """
    Every page of the manual is in the table of contents.
    """
    index = (DOCS / "index.rst").read_text()
    listed = set(re.findall(r"^   ([a-z0-9/-]+)$", index, re.MULTILINE))
    assert {path.stem for path in PAGES} - {"index"} <= listed


@pytest.mark.parametrize("page", [*PAGES, *RECORDS], ids=lambda path: path.stem)
def test_references_lead_somewhere(page: Path) -> None:
    """
    Each :doc: reference names a page that is there.
    """
    for target in re.findall(r":doc:`([^`]+)`", page.read_text()):
        assert (page.parent / f"{target}.rst").exists(), target


def test_sphinx_finds_no_fault(tmp_path: Path) -> None:
    """
    The manual becomes HTML without a warning: tables, references and table of contents are sound.
    """
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
    done = subprocess.run(
        [*command, DOCS, tmp_path], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("page", [ROOT / "README.rst", ROOT / "CONTRIBUTING.rst"])
def test_entrance_pages_are_valid(page: Path) -> None:
    """
    The pages that are shown outside the manual parse without a complaint.
    """
    publish_string(page.read_text(), writer="html", settings_overrides={"halt_level": 2})


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


def test_plugin_in_the_manual_is_complete() -> None:
    """
    The plugin that the manual shows provides all that its interfaces ask for.
    """
    (block,) = re.findall(
        r"^\.\. code-block:: python\n((?:\n|    .*\n)+)", (DOCS / "plugins.rst").read_text(), re.M
    )
    names: dict[str, Any] = {}
    exec(textwrap.dedent(block), names)
    assert verifyObject(IPlugin, names["first"])
    assert verifyObject(ILBMethodFactory, names["first"])
    assert verifyObject(ILBMethod, names["first"](BalancerSpec("one")))


def test_source_in_the_manual_works() -> None:
    """
    The source of members that the manual shows is complete, and finds what its program prints.
    """
    (block,) = re.findall(
        r"^\.\. code-block:: python\n((?:\n|    .*\n)+)", (DOCS / "discovery.rst").read_text(), re.M
    )
    names: dict[str, Any] = {}
    exec(textwrap.dedent(block), names)
    factory = names["run"]
    assert verifyObject(IPlugin, factory)
    assert verifyObject(IMemberSourceFactory, factory)
    names["getProcessOutput"] = lambda path, reactor: succeed(f"http://{reactor}{path}\n".encode())
    source = factory(SourceSpec("run:/a", "run", MemberSpec("")), "host")
    assert verifyObject(IMemberSource, source)
    assert source.find().result.lines == ("http://host/a",)
    registry = replace(load_registry(), sources={"run": factory})
    text = LISTENER + "[balancer:shop]\ndiscover = {}\n[mount:/]\nto = balancer://shop/\n"
    assert loads(text.format("run:/a"), registry).warnings == []
    with pytest.raises(ConfigErrors, match="must be run:/PATH"):
        loads(text.format("run:a"), registry)

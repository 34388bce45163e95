"""
Files in Apache's syntax are read as the real Apache reads them.
"""

from __future__ import annotations

import random
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers import APACHE_MODULES, require
from txbalancer.config.findings import Findings
from txbalancer.config.httpd.known import NAMES
from txbalancer.config.httpd.lexer import split_words
from txbalancer.config.httpd.preprocess import preprocess
from txbalancer.config.httpd.tree import Directive

BASE = """\
ServerRoot {folder}
ErrorLog {folder}/log
ServerName base.test
Listen 127.0.0.1:1
"""
LOADED = ("mpm_event", "info", "authz_core", "headers", "alias", "proxy", "slotmem_shm")
LOADED += ("proxy_balancer",)


def apache(folder: Path, text: str, *arguments: str) -> str:
    """
    Let Apache read a file, and return what it says.
    """
    modules = "".join(
        f"LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so\n" for name in LOADED
    )
    path = folder / "httpd.conf"
    path.write_text(BASE.format(folder=folder) + modules + text)
    found = subprocess.run(
        [require("apache2"), "-f", str(path), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return found.stdout + found.stderr


def dumped(text: str) -> list[str]:
    """
    Return the directives of Apache's dump of its tree.
    """
    lines = [line.strip() for line in text.split("\n")]
    return [
        # What follows the bracket does not count.
        line.rpartition(">")[0].strip() if re.match("<[^/]", line) else line
        for line in lines
        if line and not line.startswith("#") and line != "Syntax OK" and "AH00111" not in line
    ]


def shown(tree: tuple[Directive, ...]) -> Iterator[str]:
    """
    Yield a tree in the form of that dump.
    """
    for each in tree:
        if each.children is None:
            yield f"{each.name} {each.text}".strip()
        else:
            yield f"<{each.name} {each.text}".strip()
            yield from shown(each.children)
            yield f"</{each.name}>"


TREES = [
    "Header set A \\\n b\n",
    "Header set A b\\\n\\\n\\\n\n",
    'Header SET "A" \'b c\'   env="e"\n',
    "# comment \\\nHeader set A b\nHeader set C d\n",
    "Header set A b\\\\\nc\n",
    "  \t Header\t\tset A  b \t\n\r\n",
    'Define X "1 2"\nHeader set A "${X}"\n',
    "Define X 1\nDefine Y ${X}${x}2\nHeader set A ${y}\n<IfDefine x>\nBad\n</IfDefine>\n",
    "Define X 1\nUnDefine X\nHeader set A x${X}x\n",
    "<IfDefine !NO>\nHeader set A b\n</IfDefine>\n<IfDefine NO>\nBad\n</IfDefine>\n",
    "<Location />\n<IfModule mod_headers.c>\nHeader set A b\n</IfModule>\n</Location>\n",
    "<IfModule mod_rewrite.c>\n<Location />\n<Bad\n</Bad>\n</Location>\n</IfModule>\n",
    "<IfModule !headers_module>\nBad\n</IfModule>\n",
    "<ifmodule headers_module>\nHeader set A b\n</IFMODULE>\n",
    "<IfVersion >= 2.4>\nHeader set A 1\n</IfVersion>\n<IfVersion 2.4>\nBad\n</IfVersion>\n",
    "<IfVersion !~ ^2>\nBad\n</IfVersion>\n<IfVersion = /^2\\.4/>\nHeader set A 1\n</IfVersion>\n",
    "<IfVersion != 2.4.1>\nHeader set A 1\n</IfVersion>\n<IfVersion > 2.5>\nBad\n</IfVersion>\n",
    "<IfFile here>\nHeader set A 1\n</IfFile>\n<IfFile !sub/b>\nBad\n</IfFile>\n",
    "<IfFile nowhere>\nBad\n</IfFile>\n<IfFile sub>\nHeader set A 1\n</IfFile>\n",
    "<IfDirective ProxyPass>\nHeader set A 1\n</IfDirective>\n",
    "<IfDirective !listen>\nBad\n</IfDirective>\n",
    "<IfDirective Bad>\nBad\n</IfDirective>\n<IfSection Proxy>\nHeader set A 1\n</IfSection>\n",
    "<IfSection <Proxy>>\nBad\n</IfSection>\n<IfSection ProxyPass>\nBad\n</IfSection>\n",
    '<Proxy "balancer://a">\n<IfDefine !X>\nBalancerMember http://h\n</IfDefine>\n</Proxy>\n',
    "Include here\n",
    "Include sub\n",
    "Include sub/*\n",
    "Include su?/[a-b]\n",
    "IncludeOptional nowhere\nIncludeOptional no*/x\nIncludeOptional sub/[x-z]*\nHeader set A b\n",
    "<Location />\nInclude here\n</Location>\n",
    '"Header" set A b\n',
    '<Location "/a" > # \nHeader set A b\n</Location>\n',
    "Header set A '\\'${HOME'\n",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """
    Return a folder with files to include.
    """
    (tmp_path / "here").write_text("Header set Here 1\n")
    sub = tmp_path / "sub" / "deep"
    sub.mkdir(parents=True)
    for name in ("b", "a", ".hidden", "deep/c"):
        (tmp_path / "sub" / name).write_text(f"Header set {name.strip('.')[-1]} 1")
    return tmp_path


@pytest.mark.parametrize("text", TREES)
def test_the_tree_is_that_of_apache(folder: Path, text: str) -> None:
    """
    What is in force, with its words as written, is what Apache finds.
    """
    theirs = dumped(apache(folder, text, "-t", "-DDUMP_CONFIG"))
    assert "Bad" not in " ".join(theirs)
    findings = Findings(str(folder / "httpd.conf"))
    # LoadModule lines are left out: modules are not what is compared.
    ours = preprocess(BASE.format(folder=folder) + text, findings)
    findings.raise_errors()
    assert list(shown(ours.tree))[1:] == theirs


FAULTY = [
    "<Location /a>\n</Directory>\n",
    "</Location>\n",
    "<Location /a>\n",
    "<Location /a\n</Location>\n",
    "<Location /a>\n</Location\n",
    "<Location /a></Location>\n",
    "<IfModule mod_none.c>\n<Location /a>\n</IfModule>\n",
    "<IfDefine>\n</IfDefine>\n",
    "<IfVersion !>\n</IfVersion>\n",
    "<IfVersion =~ 2>\n</IfVersion>\n",
    "<IfVersion 2.4.71.1>\n</IfVersion>\n",
    "Define\n",
    "Define a b c\n",
    "Define a:b c\n",
    "UnDefine\n",
    "UnDefine a b\n",
    "Include\n",
    "Include here sub\n",
    "Include nowhere\n",
    "Include no*\n",
    "Include sub/*/x\n",
    "Include nowhere/*\n",
    "Include httpd.conf\n",
    'Error "no use"\n',
    "< Location /a>\n</Location>\n",
]


@pytest.mark.parametrize("text", FAULTY)
def test_faults_are_those_of_apache(folder: Path, text: str) -> None:
    """
    What Apache refuses is refused, without an exception.
    """
    assert "Syntax OK" not in apache(folder, text, "-t")
    findings = Findings(str(folder / "httpd.conf"))
    preprocess(BASE.format(folder=folder) + text, findings)
    assert findings.count


def test_words_are_those_of_apache(folder: Path) -> None:
    """
    Quotes and backslashes anywhere, compared by the names of virtual hosts.
    """
    chance = random.Random(71)
    texts = [
        "".join(chance.choices("ab\\\"' x", k=chance.randrange(1, 12))).strip() for _ in range(300)
    ]
    # Apache ends a list of words at an empty one, and takes a line's last backslash for another.
    texts = [each for each in texts if all(split_words(each)[0]) and not each.endswith("\\")]
    texts = [each for each in texts if split_words(each)[0]]
    hosts = [
        f"<VirtualHost *:1>\nServerName n{number}\nServerAlias {text}\n</VirtualHost>\n"
        for number, text in enumerate(texts)
    ]
    said = apache(folder, "".join(hosts), "-S")
    assert len(texts) > 100
    for number, text in enumerate(texts):
        block = re.search(rf"namevhost n{number} .*\n((?: +alias .*\n)*)", said)
        assert block, said
        theirs = [line.split("alias ", 1)[1] for line in block[1].splitlines()]
        assert split_words(text)[0] == theirs, text


def test_every_directive_is_known(tmp_path: Path) -> None:
    """
    The names of all directives of all modules are known here.
    """
    every = sorted(APACHE_MODULES.glob("mod_*.so"))
    found: set[str] = set()
    for mpm in ("event", "prefork"):
        modules = [each for each in every if "mod_mpm_" not in each.name or mpm in each.name]
        lines = [f"LoadModule {each.stem[4:]}_module {each}" for each in modules]
        path = tmp_path / f"{mpm}.conf"
        path.write_text("\n".join([BASE.format(folder=tmp_path), *lines]))
        said = subprocess.run(
            [require("apache2"), "-L", "-f", str(path)],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
            check=True,
        ).stdout
        found |= set(re.findall(r"^<?([A-Za-z]\w*) \(\w+\.c\)$", said, re.MULTILINE))
    assert len(found) > 600
    known = {name.lower() for name in NAMES}
    assert {name for name in found if name.lower() not in known} <= {"Lua_____ByteCodeHack"}

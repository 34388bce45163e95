"""
Comments of a converted file: where each part was written, and what is not in it.
"""

from __future__ import annotations

from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.config.helpers import REGISTRY
from tests.fuzz import corpus, sandbox
from tests.fuzz.targets.httpd import SEEDS
from txbalancer.config import Loaded, loads
from txbalancer.config.ini import is_ini
from txbalancer.config.render import render
from txbalancer.control.cli import convert_text
from txbalancer.errors import ConfigErrors

TEXT = """Listen 8080
<Proxy balancer://shop>
BalancerMember http://h:1
</Proxy>
Substitute s/a/b/
ProxyPass /late balancer://shop/
<VirtualHost *:8080>
ServerName a.test
ProxyPass /app balancer://shop/
<Location /two>
ProxyPass http://h:2/ timeout=5
</Location>
ProxyPass /app/deep balancer://shop/
</VirtualHost>
<VirtualHost *:8080>
ServerName b.test
RedirectMatch ^/x$ http://c.test/
</VirtualHost>
Listen 8081
"""


def converted(text: str) -> tuple[Loaded, str]:
    """
    Return what a file says, and what is written of it.
    """
    found = loads(text, REGISTRY, path="httpd.conf", lenient=True)
    return found, convert_text("httpd.conf", found)


def test_each_part_says_where_it_was_written() -> None:
    """
    Before a section stand file, line and directive, before the first of a server which one it is.
    """
    _, written = converted(TEXT)
    body = written.partition("\n\n")[2]
    shown = [line for line in body.splitlines() if line[:1] in ("#", "[")]
    assert shown == [
        "[txbalancer]",
        "# httpd.conf:1: Listen 8080",
        "[listener:port-8080]",
        "# httpd.conf:19: Listen 8081",
        "[listener:port-8081]",
        "# httpd.conf:2: <Proxy balancer://shop>",
        "[balancer:shop]",
        "# ---- httpd.conf:15: <VirtualHost *:8080> b.test",
        "# httpd.conf:6: ProxyPass /late",
        "[mount:b.test:8080/late]",
        "# httpd.conf:17: RedirectMatch ^/x$",
        "[mount:b.test:8080~^/x$]",
        "# httpd.conf:15: <VirtualHost *:8080> b.test",
        "[mount:b.test:8080/]",
        "# ---- httpd.conf:7: <VirtualHost *:8080> a.test",
        "# httpd.conf:11: ProxyPass http://h:2/",
        "[mount:a.test:8080/two]",
        "# httpd.conf:6: ProxyPass /late",
        "[mount:a.test:8080/late]",
        "# httpd.conf:9: ProxyPass /app",
        "[mount:a.test:8080/app]",
        "# ---- outside of <VirtualHost>",
        "# httpd.conf:6: ProxyPass /late",
        "[mount::8081/late]",
    ]


def test_what_is_left_out_is_written_down() -> None:
    """
    What is not carried over, and what no request reaches, is a comment with its line.
    """
    _, written = converted(TEXT)
    head = written.partition("\n\n")[0].splitlines()
    assert head[1] == "# Not in here, or not as it was there:"
    assert head[2].startswith("#   httpd.conf:5: Substitute: is not carried over: ")
    assert head[3].startswith("#   httpd.conf:13: ProxyPass: is never reached: ")
    assert len(head) == 4


def test_nothing_to_say() -> None:
    """
    A file of which nothing is left out has no list; one that is INI has no comments.
    """
    found, written = converted("Listen 80\nProxyPass / http://h/\n")
    assert written.splitlines()[1] == ""
    again = loads(written, REGISTRY)
    assert (again.comments, again.remarks) == ({}, ())
    assert again.spec == found.spec


CASES = [
    case[1:].decode("utf-8", "surrogateescape")
    for case in (
        *SEEDS,
        *(
            case
            for folder in (corpus.FOLDER, corpus.FAULTS)
            for case in corpus.load("httpd", folder)
        ),
    )
]
LINES = sorted({line for case in CASES for line in case.split("\n") if line.strip()})


def check(text: str) -> bool:
    """
    Convert a file, if it can be used at all; returns whether it can be.
    """
    if is_ini(text):
        return False
    with sandbox.shut():
        try:
            found, written = converted(text)
        except ConfigErrors:
            return False
        again = loads(written.encode("utf-8").decode("utf-8"), REGISTRY)
    assert is_ini(written)
    assert again.spec == found.spec
    # No comment goes on in the next line.
    _, _, body = written.partition("\n\n")
    shown = "".join(line for line in body.splitlines(True) if not line.startswith("# "))
    assert shown == render(found.spec, defaults=True)
    return True


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from([TEXT, *CASES[: len(SEEDS)]]),
    st.lists(st.sampled_from(LINES), max_size=3),
    st.randoms(),
)
def test_what_is_written_can_be_read(text: str, more: list[str], random: Random) -> None:
    """
    Whatever of a file is left out, the rest is text in UTF-8, is INI, and says the same.
    """
    lines = text.split("\n")
    for line in more:
        lines.insert(random.randrange(len(lines)), line)
    check("\n".join(lines))


def test_all_that_is_kept_can_be_read() -> None:
    """
    So it is with each case that is kept, and each line of them in a file that can be used.
    """
    for case in CASES:
        check(case)
    assert sum(check(f"{TEXT}{line}\n") for line in LINES) > len(LINES) // 10

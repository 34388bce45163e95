"""
FastCGI members that nobody has told a folder.
"""

from __future__ import annotations

import pytest

from tests.config.helpers import LISTENER, REGISTRY, warnings
from txbalancer.config import loads

LOST = ": no folder is known, so php-fpm looks for /x.php and the like at the root of its"


@pytest.mark.parametrize(
    ("lines", "member"),
    [
        ("to = fcgi://h:9000", "fcgi://h:9000"),
        ("to = fcgi://h:9000/", "fcgi://h:9000/"),
        ("to = balancer://php/", "fcgi://a:9000"),
        ("to = unix:/run/x.sock|fcgi://h", "unix:/run/x.sock|fcgi://h"),
        ("to = fcgi://h:9000/$1\nmatch = ^/(.*)$", "fcgi://h:9000/$1"),
        ("to = fcgi://h:9000/srv/$1\nmatch = ^/(.*)$", ""),
        ("to = fcgi://h:9000/srv", ""),
        ("to = balancer://php/srv", ""),
        ("to = balancer://full/", ""),
        ("to = balancer://plain/", ""),
        ("to = fcgi://h:9000\nfcgitype = generic", ""),
        ("to = fcgi://h:9000\nfcgiparam = SCRIPT_FILENAME /srv/index.php", ""),
        ("to = status:200", ""),
    ],
)
def test_a_folder_is_wanted(lines: str, member: str) -> None:
    """
    One mount is one warning, with what to write; other applications may need no file.
    """
    balancers = (
        "[balancer:php]\nmembers =\n fcgi://a:9000\n fcgi://b:9000\n"
        "[balancer:full]\nmembers = fcgi://a:9000/srv\n[balancer:plain]\nmembers = http://a\n"
    )
    path = "" if "match" in lines else "path = /\n"
    text = f"{LISTENER}[mount:page]\n{lines}\n{path}{balancers}"
    found = [each for each in warnings(text) if "no folder" in each]
    assert [each.partition(LOST)[0] for each in found] == (
        [f"f:4: [mount:page] to: {member}"] if member else []
    )


def test_it_is_told_in_apaches_syntax() -> None:
    """
    It is the same slip there.
    """
    text = "Listen 80\nProxyPass /app fcgi://127.0.0.1:9000/\n"
    (found,) = loads(text, REGISTRY, path="f").warnings
    assert found.startswith(f"f:2: ProxyPass: fcgi://127.0.0.1:9000/{LOST}")
    assert "write fcgi://127.0.0.1:9000/var/www/html, or wherever scripts are" in found

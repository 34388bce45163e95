"""
Virtual hosts that send all requests to https with C{mod_rewrite}.
"""

from __future__ import annotations

import pytest

from tests.config.httpd.reading import BALANCER, errors_of, loaded, spec_of, warnings_of
from txbalancer.core.specs import Redirect

OFF = "RewriteCond %{HTTPS} off"
HERE = "https://%{HTTP_HOST}%{REQUEST_URI}"


def host(lines: str, more: str = "") -> str:
    """
    Write a virtual host with lines.
    """
    return f"{BALANCER}<VirtualHost *:8080>\nServerName a.test\n{lines}\n</VirtualHost>\n{more}"


def rewriting(condition: str, rule: str) -> str:
    """
    Write one with a condition and a rule.
    """
    return host(f"RewriteEngine On\n{condition}\nRewriteRule {rule}")


@pytest.mark.parametrize(
    ("condition", "rule", "status", "url"),
    [
        (OFF, f"^(.*)$ {HERE} [L,R=301]", 301, "https://$host/"),
        ("RewriteCond %{HTTPS} !=on", f"^ {HERE} [R]", 302, "https://$host/"),
        (OFF, f".* {HERE} [R=permanent,L,NE]", 301, "https://$host/"),
        (f"{OFF} [NC]", f"/ {HERE} [R=308,END]", 308, "https://$host/"),
        ("", "^/?(.*)$ https://b.test/$1 [L,R=301]", 301, "https://b.test/"),
        ("RewriteCond %{HTTPS} !^on$", "(.*) https://b.test:444$1 [R=302,L,QSA]", 302,
         "https://b.test:444/"),
        (OFF, "^ https://%{SERVER_NAME}%{REQUEST_URI} [END,NE,R=permanent]", 301, "https://$host/"),
    ],
)  # fmt: skip
def test_all_to_https(condition: str, rule: str, status: int, url: str) -> None:
    """
    The usual forms become one redirect of all paths.
    """
    (mount,) = spec_of(rewriting(condition, rule)).mounts
    assert mount.target == Redirect(status, url)
    assert (mount.path, mount.match) == ("/", "")


@pytest.mark.parametrize(
    "text",
    [
        rewriting(OFF, f"^/a {HERE} [R=301]"),
        rewriting(OFF, "^(.*)$ https://b.test/$1 [R=301]"),
        rewriting(OFF, "^/(.*)$ https://b.test$1 [R=301]"),
        rewriting(OFF, f"^ {HERE} [R=404]"),
        rewriting(OFF, f"^ {HERE} [R=301,E=a:b]"),
        rewriting(OFF, f"^ {HERE} [R=301,NE=1]"),
        rewriting(OFF, f"^ {HERE} [L]"),
        rewriting(OFF, f"^ {HERE} R=301"),
        rewriting(OFF, f"^ {HERE} 301"),
        rewriting(OFF, f"^ {HERE}"),
        rewriting(OFF, "^ https://b.test/x [R=301]"),
        rewriting(OFF, f"^ {HERE.replace('https', 'http')} [R=301]"),
        rewriting("RewriteCond %{REQUEST_URI} !^/a", f"^ {HERE} [R=301]"),
        rewriting("RewriteCond %{HTTPS} on", f"^ {HERE} [R=301]"),
        rewriting(f"{OFF} [OR]", f"^ {HERE} [R=301]"),
        rewriting(OFF, f"^ {HERE} [R=301]\nRewriteRule ^/b /c"),
        rewriting("RewriteRule ^/b /c", f"^ {HERE} [R=301]"),
        rewriting("RewriteOptions inherit", f"^ {HERE} [R=301]"),
        host(f"RewriteRule ^ {HERE} [R=301]"),
        host(f"{OFF}\nRewriteRule ^ {HERE} [R=301]"),
        host(f"RewriteEngine maybe\nRewriteRule ^ {HERE} [R=301]"),
        f"RewriteEngine On\nRewriteRule ^ {HERE} [R=301]",
        host(f"SSLEngine On\nRewriteEngine On\nRewriteRule ^ {HERE} [R=301]"),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    """
    What does more, less or something else is not guessed at.
    """
    assert "is not carried over: URLs are not rewritten here" in errors_of(text)


def test_nothing_else_has_an_effect_beside_it() -> None:
    """
    As in Apache the rule comes before all others, also those of the main server; that is told.
    """
    others = "ProxyPass /b balancer://b/\nRedirect /d http://x/\n<Location /c>\nProxyPass balancer://b/\n</Location>\n"
    text = host(f"{others}RewriteEngine On\n{OFF}\nRewriteRule ^ {HERE} [R=301]")
    found = loaded("ProxyPass /e balancer://b/\n" + text)
    (mount,) = [
        each for each in found.spec.mounts if each.target == Redirect(301, "https://$host/")
    ]
    assert mount.path == "/"
    assert any("takes every request of its <VirtualHost>" in each for each in found.warnings)
    assert len(found.spec.mounts) == 1
    (told,) = warnings_of(rewriting(OFF, f"^ {HERE} [R=301]"))
    assert told.endswith("no mount leads to this balancer")


def test_a_host_that_has_tls_from_the_main_server() -> None:
    """
    A rule without a condition would send clients in a ring.
    """
    text = f"SSLEngine On\n{rewriting('', f'^ {HERE} [R=301]')}"
    assert "RewriteRule: connections have TLS already" in errors_of(text)

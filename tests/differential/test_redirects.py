"""
Where C{Redirect} and its like send clients, and what goes before them.
"""

from __future__ import annotations

import pytest

from tests.differential.cases import Case, case, check, get, named
from tests.differential.sides import World
from tests.peers import APACHE_MODULES


def sent(name: str, lines: str, *targets: str) -> Case:
    """
    Ask for targets one after another.
    """
    return case(f"redirects/{name}", lines, *(get(each) for each in targets))


TO_HTTPS = "RewriteEngine On\n{}\nRewriteRule {} [L,R=301]\n"
HTTPS_OFF = "RewriteCond %{HTTPS} off"

TOP = f"LoadModule rewrite_module {APACHE_MODULES}/mod_rewrite.so"

CASES = named(
    [
        sent(
            "to_https_before_all_else",
            TO_HTTPS.format(HTTPS_OFF, "^(.*)$ https://%{HTTP_HOST}%{REQUEST_URI}")
            + "ProxyPass /a http://{1}/a\nRedirect /b http://new.test/\n<Location /c>\n"
            "ProxyPass http://{1}/c\nRequire all denied\n</Location>\n"
            "<Location /m>\nSetHandler server-status\n</Location>",
            *("/", "/a/b?c=d&e", "/b", "/c/d", "/m", "/x/../a/b", "/a%20b/c", "/a//b", "/?"),
        ),
        sent(
            "to_https_of_a_name",
            TO_HTTPS.format("RewriteCond %{HTTPS} !=on", "^/?(.*) https://new.test/$1"),
            *("/", "/a/b?c", "/a'(b)!*;c", "/%7Eb"),
        ),
        sent(
            "to_https_without_a_condition",
            "RewriteEngine on\n"
            "RewriteRule ^ https://%{SERVER_NAME}%{REQUEST_URI} [END,NE,R=permanent]",
            *("/", "/a/b?c"),
        ),
        sent(
            "to_https_for_a_while",
            "RewriteEngine on\nRewriteRule (.*) https://new.test$1 [R,L]\nProxyPass / http://{1}/",
            *("/", "/a/b"),
        ),
        sent(
            "prefix",
            "Redirect /a http://new.test/x\nRedirect 301 /s/ http://new.test/y/",
            *("/a", "/a/", "/a/b?q=1", "/ab", "/A", "/a//b", "/x/../a/b", "/a/%20b", "/a/%7Eb"),
            *("/a/;x", "/a/'(b)!*", "/s", "/s/", "/s/b"),
        ),
        sent(
            "statuses",
            "Redirect permanent /a http://new.test/\nRedirect temp /b http://new.test/\n"
            "Redirect seeother /c http://new.test/\nRedirect gone /d\nRedirect 307 /e http://n.test\n"
            "Redirect 308 /f http://n.test\nRedirectPermanent /g http://n.test\nRedirect 503 /i\n"
            "RedirectTemp /h http://n.test\nRedirect 404 /j",
            *("/a", "/b", "/c", "/d", "/d/x", "/e/x", "/f/x", "/g/x", "/h/x", "/i/x", "/j"),
        ),
        sent("first_wins", "Redirect /a/b http://one/\nRedirect /a http://two", "/a/b", "/a/c"),
        sent(
            "all_to_another_scheme",
            "Redirect permanent / https://new.test/",
            *("/", "/b?c", "/b/c%20d", "/?q"),
        ),
        sent("after_a_rule", "Redirect /a http://new.test/\nProxyPass /a/b http://{1}", "/a/b/c"),
        sent("beside_a_rule", "ProxyPass /a http://{1}/\nRedirect / https://new.test/", "/a", "/b"),
        sent(
            "what_an_exclusion_leaves",
            "ProxyPass /a/no !\nProxyPass /a http://{1}\nRedirect /a http://new.test/x",
            *("/a/no", "/a/no/b", "/a/b"),
        ),
        sent(
            "what_a_section_leaves",
            "<Location /a/no>\nProxyPass !\n</Location>\nProxyPass / http://{1}/\n"
            "Redirect /a/no/b http://new.test/x",
            *("/a/no/b/c", "/a/no", "/a"),
        ),
        sent(
            "match",
            "RedirectMatch ^/a/(.*)$ http://new.test/$1\nRedirectMatch 301 \\.jpg$ http://new.test/j\n"
            "RedirectMatch gone /g$\nRedirectMatch ^/(b)?c(.*) http://new.test/$2/$1/$0",
            *("/a/x/y?q", "/a/x%20y", "/q/z.jpg", "/q/g", "/q/gg", "/bcd", "/cd"),
        ),
        sent("match_encoded", "RedirectMatch ^/a/(.*)$ http://new.test/$1", "/a/x%3Fy"),
        sent("encoded_slash", "Redirect /a http://new.test/x", "/a/b%2Fc"),
        sent("glued_to_the_host", "Redirect / http://new.test", "/b"),
        sent("own_query", "Redirect /a http://new.test/x?a=b", "/a", "/a?c", "/a/d"),
        sent("path", "Redirect /a /x", "/a/b?c"),
        sent(
            "headers",
            "Header always set X-A 1\nHeader set X-B 2\nRedirect /a http://new.test/x\n"
            "Redirect gone /g\n<Location /a/b>\nHeader always set X-C 3\nRequire all denied\n"
            "</Location>",
            *("/a", "/a/b/c", "/g"),
        ),
    ]
)


@pytest.mark.parametrize("name", CASES)
def test_redirects(world: World, name: str) -> None:
    """
    A client is sent to the same place as by Apache.
    """
    check(world, CASES[name])

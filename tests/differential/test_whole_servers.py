"""
What files of whole servers say beside their proxy, and what of it a proxied request notices.
"""

from __future__ import annotations

import pytest

from tests.differential.cases import answer, case, check, get, named
from tests.differential.sides import World
from tests.peers import APACHE_MODULES

MODULES = ("mime", "dir", "filter", "setenvif", "autoindex", "negotiation", "reqtimeout")

TOP = "\n".join(
    [
        *(f"LoadModule {each}_module {APACHE_MODULES}/mod_{each}.so" for each in MODULES),
        "TypesConfig /dev/null",
        "AddDefaultCharset UTF-8",
        "AddType application/x-a .a",
        "AddCharset us-ascii .b",
        "AddHandler type-map .c",
        "DirectoryIndex index.html",
        "FallbackResource /fallback",
        "IndexOptions FancyIndexing",
        "RequestReadTimeout header=20-40,minrate=500 body=10,minrate=500",
        'BrowserMatch "Old" redirect-carefully force-response-1.0',
        '<Files "*.secret">',
        "Require all denied",
        "</Files>",
        '<FilesMatch "^.ht">',
        "Require all denied",
        "</FilesMatch>",
        "<Directory />",
        "Options None",
        "AllowOverride None",
        "Require all denied",
        "</Directory>",
    ]
)

CASES = named(
    [
        case(
            f"whole/{name}",
            "Alias /icons/ /usr/share/\nDocumentRoot /usr\nOptions Indexes\n"
            "ProxyPass / http://{1}/",
            *(get(each) for each in ("/", "/d/", "/icons/x", "/x.secret", "/.htaccess")),
            # Where a member gives no type, AddType has one.
            *(get(each) for each in ("/x.a", "/x.b", "/x.c") if kind),
            script=answer(f"Content-Type: {kind}") if kind else answer(),
        )
        for name, kind in {
            "html": "text/html",
            "plain": "TEXT/PLAIN",
            "with_charset": "text/html; charset=latin1",
            "with_parameter": "text/html; a=b",
            "css": "text/css",
            "like_html": "text/htmlx",
            "json": "application/json",
            "none": "",
        }.items()
    ]
)


@pytest.mark.parametrize("name", CASES)
def test_whole_servers(world: World, name: str) -> None:
    """
    A member sees the same request and a client the same answer, charset and all.
    """
    check(world, CASES[name])

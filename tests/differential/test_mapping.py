"""
Which rule takes a URL, and what the member is asked for. APACHE items H50 to H58.
"""

from __future__ import annotations

import pytest

from tests.differential.cases import Case, case, check, get, named
from tests.differential.sides import World

BALANCER = "<Proxy balancer://{n}>\nBalancerMember http://{0}\n</Proxy>\n"


def paths(name: str, lines: str, *targets: str | bytes, member: str = "") -> Case:
    """
    Ask for targets one after another.

    @param member: the member's base path.
    """
    return case(
        f"mapping/{name}",
        BALANCER.replace("{0}", "{0}" + member) + lines,
        *(get(each) for each in targets),
    )


def two(first: str, second: str) -> str:
    """
    Write two rules, for members 1 and 2.
    """
    return f"ProxyPass {first} http://{{1}}/one\nProxyPass {second} http://{{2}}/two"


USUAL = ("/a", "/a/", "/a/b", "/a/b/?q=1&r=%20", "/ab", "/A", "/", "/b/a")

CASES = named(
    [
        paths("H50_first_wins", two("/a", "/a/b"), "/a/b", "/a/c"),
        paths("H50_longest_when_first", two("/a/b", "/a"), "/a/b/c", "/a/c", "/a/bc"),
        paths(
            "H50_match_in_order",
            "ProxyPassMatch ^/a/(.*)$ http://{1}/m/$1\nProxyPass /a http://{2}/p",
            "/a/x",
            "/a",
        ),
        paths(
            "H50_location_before_all",
            "ProxyPass /a http://{1}/s\n<Location /a/b>\nProxyPass http://{2}/l\n</Location>",
            "/a/b",
            "/a/b/c",
            "/a/c",
        ),
        paths(
            "H50_deepest_location",
            "<Location /a/b>\nProxyPass http://{2}/deep\n</Location>\n"
            "<Location /a>\nProxyPass http://{1}/wide\n</Location>",
            "/a/b/c",
            "/a/x",
        ),
        paths("H51_without_slash", "ProxyPass /a http://{1}/x", *USUAL),
        paths("H51_with_slash", "ProxyPass /a/ http://{1}/x/", *USUAL),
        paths("H51_runs_of_slashes", "ProxyPass /a/b http://{1}/x", "/a//b//c", "//a/b", "/a/b//"),
        paths("H51_run_in_the_rule", "ProxyPass /a//b http://{1}/x", "/a/b/c", "/a//b/c"),
        paths("H51_dots", "ProxyPass /a http://{1}/x", "/x/../a/b", "/a/./b", "/a/b/../c", "/a/.."),
        paths("H51_encoded_dots", "ProxyPass /a http://{1}/x", "/a/%2e%2e/b", "/x/%2e%2e/a/b"),
        paths("H51_encoded_letters", "ProxyPass /a http://{1}/x", "/%61/b"),
        paths("H51_blank_in_the_rule", 'ProxyPass "/a b" http://{1}/x', "/a%20b/c", "/a+b/c"),
        paths("H52_slash_dropped", "ProxyPass /a/ http://{1}/x", "/a/b", "/a/", "/a"),
        paths("H52_slash_doubled", "ProxyPass /a http://{1}/x/", "/a/b", "/a"),
        paths("H52_slash_only", "ProxyPass /a http://{1}/", "/a/b", "/a"),
        paths("H51_dots_and_semicolon", "ProxyPass /a http://{1}/x", "/a/..;/b", "/a/.;x"),
        paths("H52_root", "ProxyPass / http://{1}/", "/", "/b", "/b?c"),
        paths("H52_root_to_path", "ProxyPass / http://{1}/x/", "/", "/b"),
        paths("H52_root_glued", "ProxyPass / http://{1}", "/b"),
        paths("H53_without_slash", "ProxyPass /a balancer://{n}", *USUAL),
        paths("H53_with_slash", "ProxyPass /a balancer://{n}/", *USUAL),
        paths("H53_both_slashes", "ProxyPass /a/ balancer://{n}/", *USUAL),
        paths("H53_slash_in_path_only", "ProxyPass /a/ balancer://{n}", *USUAL),
        paths("H53_path", "ProxyPass /a balancer://{n}/p", *USUAL),
        paths("H53_root", "ProxyPass / balancer://{n}/", *USUAL),
        paths("H53_root_without_slash", "ProxyPass / balancer://{n}", "/", "/b"),
        paths("H53_base", "ProxyPass /a balancer://{n}", "/a/b", "/a", member="/base"),
        paths("H53_base_with_slash", "ProxyPass /a balancer://{n}", "/a/b", member="/base/"),
        paths("H53_base_and_path", "ProxyPass /a balancer://{n}/p", "/a/b", member="/base"),
        paths(
            "H54_exclusion",
            "ProxyPass /a/no !\nProxyPass /a http://{1}/x",
            "/a/no",
            "/a/no/b",
            "/a/nob",
            "/a/b",
        ),
        paths("H54_too_late", "ProxyPass /a http://{1}/x\nProxyPass /a/no !", "/a/no/b"),
        paths(
            "H54_in_a_location",
            "ProxyPass /a http://{1}/x\n<Location /a/no>\nProxyPass !\n</Location>",
            "/a/no/b",
            "/a/b",
        ),
        paths(
            "H54_against_a_location",
            "ProxyPass /a/no !\n<Location /a>\nProxyPass http://{1}/x\n</Location>",
            "/a/no/b",
        ),
        paths("H54_match", "ProxyPassMatch \\.gif$ !\nProxyPass / http://{1}/", "/a.gif", "/a.png"),
        paths(
            "H55_group",
            "ProxyPassMatch ^/(.*\\.gif)$ http://{1}/pics/$1",
            "/d/x.gif?q=1",
            "/d/x.png",
        ),
        paths("H55_two_groups", "ProxyPassMatch ^/(.)/(.*)$ http://{1}/$2/$1", "/a/b/c"),
        paths("H55_no_reference", "ProxyPassMatch \\.png$ balancer://{n}", "/d/x.png", "/d/x.gif"),
        paths("H55_no_reference_path", "ProxyPassMatch ^/a http://{1}/x", "/a/b"),
        paths("H55_tilde", "ProxyPass ~ ^/t(.*)$ http://{1}/u$1", "/t/x"),
        paths("H55_balancer", "ProxyPassMatch ^/a/(.*)$ balancer://{n}/$1", "/a/b%20c?x"),
        paths(
            "H56_encoding",
            "ProxyPass /a http://{1}/x",
            "/a/%7E%41%3B%2B",
            "/a/[b]",
            "/a/%5Bb",
            b"/a/\xe9",
            "/a/%3F%25",
            "/a/b;c,d:e@f=g!h$i'(j)*",
            '/a/"<>^`{|}',
            "/a/%20",
        ),
        paths("H56_query_untouched", "ProxyPass /a http://{1}/x", '/a?%41[b]%zz"', "/a?", "/a??x"),
        paths("H57_encoded_slash", "ProxyPass /a http://{1}/x", "/a%2Fb", "/a/b%2fc"),
        paths(
            "H57_encoded_slash_nodecode",
            "AllowEncodedSlashes NoDecode\nProxyPass /a http://{1}/x",
            "/a/b%2Fc",
            "/a/b%2fc/d",
        ),
        paths(
            "H57_encoded_slash_on",
            "AllowEncodedSlashes On\nProxyPass /a http://{1}/x",
            "/a/b%2Fc",
        ),
        paths(
            "H57_percent_nodecode",
            "AllowEncodedSlashes NoDecode\nProxyPass /a http://{1}/x",
            "/a/b%25c",
        ),
        paths("H57_encoded_nul", "ProxyPass /a http://{1}/x", "/a/%00"),
        paths("H57_bad_escape", "ProxyPass /a http://{1}/x", "/a/%zz", "/a/%4"),
        paths("H57_fragment", "ProxyPass /a http://{1}/x", "/a/b#c"),
        paths("H57_blank", "ProxyPass /a http://{1}/x", "/a/b c"),
        paths("H57_encoded_controls", "ProxyPass /a http://{1}/x", "/a/%0a%01%7f"),
        paths("H57_backslash", "ProxyPass /a http://{1}/x", "/a/b%5Cc", "/a/b\\c"),
        paths(
            "H58_nocanon",
            "ProxyPass /a http://{1}/x nocanon",
            "/a/%7E[b]%41",
            "/a/b//c?d",
            "/%61/b",
        ),
        paths("H58_nocanon_dots", "ProxyPass /a http://{1}/x nocanon", "/a/b/../c", "/a/../../b"),
        paths("H58_nocanon_balancer", "ProxyPass /a balancer://{n}/p nocanon", "/a/%7E%41"),
        paths("H58_encoded", "ProxyPass /a%3Fb http://{1}/x mapping=encoded", "/a%3Fb/c", "/a?b/c"),
        paths(
            "H58_servlet",
            "ProxyPass /some/path http://{1}/some/path mapping=servlet",
            "/some;foo/path/x",
            "/some/path;v=1/x",
            "/some/path/a/../b",
            "/some//path/b",
        ),
        paths("H58_noquery", "ProxyPass /a http://{1}/x noquery", "/a/b?c=d"),
        paths(
            "D6_single_before_balancer",
            "ProxyPass /special http://{1} smax=5 max=10\nProxyPass / balancer://{n}/",
            "/special/x",
            "/special",
            "/specialx",
            "/y",
        ),
        paths(
            "D15_mirror",
            "ProxyPass /mirror/foo/i !\nProxyPass /mirror/foo http://{1}",
            "/mirror/foo/i",
            "/mirror/foo/i/x",
            "/mirror/foo/x",
            "/mirror/foo",
        ),
        paths(
            "D17_location",
            "<Location /buggyappserver/>\nProxyPass http://{1}/foo/\n</Location>",
            "/buggyappserver/x",
            "/buggyappserver",
        ),
        paths(
            "D16_location_match",
            '<LocationMatch "^/lm/(.*)$">\nProxyPassMatch http://{1}/y/$1\n</LocationMatch>',
            "/lm/a",
            "/l/a",
        ),
    ]
)


@pytest.mark.parametrize("name", CASES)
def test_mapping(world: World, name: str) -> None:
    """
    Each URL goes to the same place under the same path as in Apache.
    """
    check(world, CASES[name])

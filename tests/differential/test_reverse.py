"""
What becomes of Location, its like, and of cookies on the way back. APACHE items H60 to H66.
"""

from __future__ import annotations

import pytest

from tests.differential.cases import Case, answer, case, check, get, named
from tests.differential.sides import World

BALANCER = (
    "<Proxy balancer://{n}>\nBalancerMember http://{0}\nBalancerMember http://{1}\n</Proxy>\n"
)


def location(name: str, lines: str, *values: str, header: str = "Location") -> Case:
    """
    Have members answer with these values, one request each.
    """
    return case(
        f"reverse/{name}",
        BALANCER + lines,
        *((get("/app/x"), answer(f"{header}: {value}", status="302 Found")) for value in values),
    )


def cookies(name: str, lines: str, *values: str) -> Case:
    """
    Have members set these cookies, one request each.
    """
    return location(name, "ProxyPass /app http://{0}\n" + lines, *values, header="Set-Cookie")


PLAIN = "ProxyPass /app http://{0}/back\nProxyPassReverse /app http://{0}/back"
SLASHES = "ProxyPass /app/ http://{0}/back/\nProxyPassReverse /app/ http://{0}/back/"
SPREAD = "ProxyPass /app balancer://{n}\nProxyPassReverse /app balancer://{n}"


CASES = named(
    [
        location(
            "H60_location", PLAIN, "http://{0}/back/y?q=1#f", "http://{0}/back", "http://{0}/"
        ),
        location("H60_content_location", PLAIN, "http://{0}/back/y", header="Content-Location"),
        location("H60_uri", PLAIN, "http://{0}/back/y", header="URI"),
        location("H60_destination", PLAIN, "http://{0}/back/y", header="Destination"),
        location("H60_link_stays", PLAIN, "<http://{0}/back/y>; rel=next", header="Link"),
        location("H60_refresh_stays", PLAIN, "0; url=http://{0}/back/y", header="Refresh"),
        case(
            "reverse/H60_any_status",
            BALANCER + PLAIN,
            (get("/app/x"), answer("Location: http://{0}/back/y", status="201 Created")),
            (get("/app/x"), answer("Location: http://{0}/back/y")),
            (get("/app/x"), answer("Location: http://{0}/back/y", status="404 Not Found")),
        ),
        location(
            "H61_slashes", SLASHES, "http://{0}/back/y", "http://{0}/back", "http://{0}/other"
        ),
        location("H61_case", PLAIN, "HTTP://{0}/back/y", "http://{0}/BACK/y"),
        location("H61_no_boundary", PLAIN, "http://{0}/backyard"),
        location(
            "H61_no_boundary_of_port",
            "ProxyPass /app http://{0}\nProxyPassReverse /app http://{0}",
            "http://{0}9/x",
        ),
        location("H61_other_host", PLAIN, "http://elsewhere.test/back/y", "//{0}/back/y"),
        location("H61_relative", PLAIN, "y", "../y", "?q", ""),
        location(
            "H61_first_rule",
            "ProxyPass /app http://{0}\nProxyPassReverse /one http://{0}/a\n"
            "ProxyPassReverse /two http://{0}/a/b\nProxyPassReverse /three http://{0}/",
            "http://{0}/a/b/c",
            "http://{0}/b",
        ),
        location(
            "H62_path_rule",
            "ProxyPass /app http://{0}/back\nProxyPassReverse /app /back",
            "/back/y",
            "http://{0}/back/y",
            "http://elsewhere.test/back/y",
            "/other",
        ),
        location("H62_path_value_and_url_rule", PLAIN, "/back/y", "/app/y"),
        location("H63_balancer", SPREAD, "http://{0}/y", "http://{1}/y", "http://{2}/y", "/y"),
        location(
            "H63_balancer_with_slash",
            "ProxyPass /app/ balancer://{n}/\nProxyPassReverse /app/ balancer://{n}/",
            "http://{0}/y",
            "http://{1}",
        ),
        location(
            "H63_balancer_slash_doubled",
            "ProxyPass /app balancer://{n}/\nProxyPassReverse /app/ balancer://{n}/",
            "http://{0}/y",
        ),
        location(
            "H63_balancer_with_path",
            "ProxyPass /app balancer://{n}/back\nProxyPassReverse /app balancer://{n}/back",
            "http://{1}/back/y",
            "http://{1}/y",
        ),
        location(
            "H63_root",
            "ProxyPass / balancer://{n}/\nProxyPassReverse / balancer://{n}/",
            "http://{0}/y",
            "http://{1}/",
            "http://{1}",
        ),
        location("H64_no_rule", "ProxyPass /app http://{0}", "http://{0}/y"),
        location(
            "H64_absolute_argument",
            "ProxyPass /app http://{0}\nProxyPassReverse http://cdn.test/x/ http://{0}/",
            "http://{0}/y",
        ),
        location(
            "H66_in_a_location",
            "<Location /app>\nProxyPass http://{0}/back\n"
            "ProxyPassReverse http://{0}/back\n</Location>",
            "http://{0}/back/y",
        ),
        location(
            "H66_in_a_location_with_slash",
            "<Location /app/>\nProxyPass http://{0}/back/\nProxyPassReverse /back/\n</Location>",
            "http://{0}/back/y",
            "/back/y",
        ),
        case(
            "reverse/H61_host_of_the_request",
            BALANCER + PLAIN,
            *(
                (
                    get("/app/x", host=host),
                    answer("Location: http://{0}/back/y", status="302 Found"),
                )
                for host in ("HOST:8080", "HOST:80", "HOST")
            ),
        ),
        location(
            "D1_manual",
            "ProxyPass /app http://{0}/bar\nProxyPassReverse /app http://{0}/bar",
            "http://{0}/bar/y",
        ),
        cookies(
            "H65_path",
            "ProxyPassReverseCookiePath /back /app",
            "a=b; path=/back",
            "a=b; Path=/back/deep; Secure",
            "a=b; path=/",
            "a=b",
        ),
        cookies(
            "H65_path_no_boundary", "ProxyPassReverseCookiePath /back /app", "a=b; path=/backyard"
        ),
        cookies("H65_path_case", "ProxyPassReverseCookiePath /back /app", "a=b; PATH=/BACK"),
        cookies(
            "H65_path_root",
            "ProxyPassReverseCookiePath / /mirror/foo/",
            "a=b; path=/",
            "a=b; path=/x",
            "a=b; path=; HttpOnly",
        ),
        cookies(
            "H65_first_path_rule",
            "ProxyPassReverseCookiePath /a /one\nProxyPassReverseCookiePath /a/b /two",
            "a=b; path=/a/b",
        ),
        cookies(
            "H65_domain",
            "ProxyPassReverseCookieDomain back.test public.test",
            "a=b; domain=back.test",
            "a=b; Domain=BACK.test; path=/",
            "a=b; domain=.back.test",
        ),
        cookies(
            "H65_domain_no_boundary",
            "ProxyPassReverseCookieDomain back.test public.test",
            "a=b; domain=back.test.evil",
        ),
        cookies(
            "H65_both",
            "ProxyPassReverseCookieDomain back.test public.test\n"
            "ProxyPassReverseCookiePath / /app/",
            "a=b; domain=back.test; path=/x; Max-Age=3",
        ),
        cookies("H65_quoted", "ProxyPassReverseCookiePath /back /app", 'a=b; path="/back"'),
        cookies(
            "H65_last_attribute",
            "ProxyPassReverseCookiePath /back /app",
            "a=b; path=/back; path=/other",
            "a=b; path=/other; path=/back",
        ),
        cookies(
            "H65_value_untouched",
            "ProxyPassReverseCookiePath /back /app",
            "a=path=/back; path=/back",
            'a="x y"; expires=Wed, 09 Jun 2100 10:18:14 GMT',
        ),
        case(
            "reverse/H65_each_line",
            "ProxyPass /app http://{0}\nProxyPassReverseCookiePath /back /app",
            (get("/app/x"), answer("Set-Cookie: a=b; path=/back", "Set-Cookie: c=d; path=/back/e")),
        ),
        cookies(
            "D14_mirror",
            "ProxyPassReverseCookieDomain back.test public.test\n"
            "ProxyPassReverseCookiePath / /mirror/foo/",
            "a=b; path=/; domain=back.test",
            "a=b; path=/deep; domain=www.back.test",
        ),
    ]
)


@pytest.mark.parametrize("name", CASES)
def test_reverse(world: World, name: str) -> None:
    """
    The client gets the same Location, Content-Location, URI, Destination and cookies as of Apache.
    """
    check(world, CASES[name])

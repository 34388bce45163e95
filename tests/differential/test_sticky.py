"""
Where sessions go: how a route is found in a URL or a cookie, and what happens when its member
cannot take it. APACHE items S1 to S31.
"""

from __future__ import annotations

import pytest

from tests.differential.cases import Case, case, check, get, named
from tests.differential.layouts import balancer
from tests.differential.sides import World

THREE = ("route=node1", "route=node2", "route=node3")
TOMCAT = "stickysession=JSESSIONID|jsessionid"


def url(name: str, target: str, *options: str) -> Case:
    """
    Ask for a URL three times between requests without a session.
    """
    plain = get("/plain")
    site = balancer(THREE, *(options or (TOMCAT,)))
    return case(f"sticky/{name}", site, plain, get(target), get(target), plain)


def cookie(name: str, value: str, *options: str) -> Case:
    """
    Ask with a cookie, between requests without a session.
    """
    plain, with_cookie = get("/plain"), get("/", f"Cookie: {value}")
    site = balancer(THREE, *(options or (TOMCAT,)))
    return case(f"sticky/{name}", site, plain, with_cookie, with_cookie, plain)


def states(name: str, members: tuple[str, ...], *options: str, route: str = "b") -> Case:
    """
    Ask with a session several times, of members in all states.
    """
    asked = get("/", f"Cookie: SID=x.{route}")
    site = balancer(members, "stickysession=SID", *options)
    return case(f"sticky/{name}", site, asked, asked, get("/"), asked, get("/"), get("/"), asked)


RECIPE = (
    'Header add Set-Cookie "ROUTEID=.%{BALANCER_WORKER_ROUTE}e; path=/" env=BALANCER_ROUTE_CHANGED'
)

CASES = named(
    [
        # S1, S2: names and order of look-up
        url("S1_path_name", "/x;jsessionid=a.node2"),
        url("S1_path_name_has_case", "/x;JSESSIONID=a.node2"),
        cookie("S1_cookie_name", "JSESSIONID=a.node3"),
        cookie("S1_cookie_name_has_case", "jsessionid=a.node3"),
        url("S1_one_name", "/x?SID=a.node2", "stickysession=SID"),
        cookie("S1_one_name_cookie", "SID=a.node2", "stickysession=SID"),
        case(
            "sticky/S2_url_before_cookie",
            balancer(THREE, TOMCAT),
            get("/;jsessionid=a.node2", "Cookie: JSESSIONID=a.node3"),
            get("/;jsessionid=a.gone", "Cookie: JSESSIONID=a.node3"),
            get("/;jsessionid=a", "Cookie: JSESSIONID=a.node3"),
            get("/;jsessionid=", "Cookie: JSESSIONID=a.node3"),
        ),
        # S3: where in a URL
        url("S3_no_boundary", "/;xjsessionid=a.node2"),
        url("S3_in_a_segment", "/xjsessionid=a.node2"),
        url("S3_query", "/x?jsessionid=a.node2&z=1"),
        url("S3_query_no_boundary", "/x?xjsessionid=a.node2"),
        url("S3_skips_a_hit_without_equals", "/jsessionid/x;jsessionid=a.node2"),
        url("S3_path_before_query", "/;jsessionid=a.node2?jsessionid=b.node3"),
        url("S3_encoded_semicolon", "/x%3Bjsessionid=a.node2"),
        url("S3_encoded_equals", "/x;jsessionid%3Da.node2"),
        url("S3_encoded_dot", "/x;jsessionid=a%2Enode2"),
        url("S3_encoded_in_query", "/x?jsessionid=a%2Enode2"),
        # S4: where it ends
        url("S4_semicolon_ends", "/x;jsessionid=a.node2;y=1", TOMCAT, "scolonpathdelim=On"),
        url("S4_semicolon_does_not_end", "/x;jsessionid=a.node2;y=1"),
        url("S4_question_mark_ends", "/x;jsessionid=a.node2?y=1"),
        url("S4_slash_does_not_end", "/x;jsessionid=a.node2/foo"),
        url("S4_leading_ampersand", "/?jsessionid=&z.node2"),
        url("S4_leading_semicolon", "/x;jsessionid=;a.node2", TOMCAT, "scolonpathdelim=On"),
        # S5, S6: cookies
        cookie("S5_second", "a=b; JSESSIONID=x.node2; c=d"),
        cookie("S5_after_a_comma", "a=b,JSESSIONID=x.node2"),
        cookie("S5_after_a_blank", "a=b JSESSIONID=x.node2"),
        cookie("S5_blank_before_equals", "JSESSIONID =x.node2"),
        cookie("S5_other_beginning", "XJSESSIONID=x.node2"),
        cookie("S5_other_end", "JSESSIONIDX=x.node2; JSESSIONID=x.node3"),
        cookie("S5_first_even_if_empty", "JSESSIONID=; JSESSIONID=b.node3"),
        cookie("S5_first_of_two", "JSESSIONID=a.node2; JSESSIONID=b.node3"),
        cookie("S6_quotes_stay", 'JSESSIONID="abc.node2"'),
        cookie("S6_trailing_blank_stays", "JSESSIONID=abc.node2 ; a=b"),
        cookie("S6_not_decoded", "JSESSIONID=x%2Enode2"),
        case(
            "sticky/S5_two_lines",
            balancer(THREE, TOMCAT),
            get("/", "Cookie: a=b", "Cookie: JSESSIONID=x.node2"),
            get("/", "Cookie: a=b", "Cookie: JSESSIONID=x.node2"),
        ),
        # S7, S8: the route
        cookie("S7_first_separator", "JSESSIONID=a.b.node2"),
        cookie("S7_own_separator", "JSESSIONID=abc!node2", TOMCAT, "stickysessionsep=!"),
        cookie("S7_second_own_separator", "JSESSIONID=abc!node2!1", TOMCAT, "stickysessionsep=!"),
        cookie("S7_only_route", "JSESSIONID=.node2"),
        cookie("S7_empty_route", "JSESSIONID=abc."),
        cookie("S7_no_separator", "JSESSIONID=node2"),
        cookie("S7_off", "JSESSIONID=node2", TOMCAT, "stickysessionsep=Off"),
        cookie("S8_case", "JSESSIONID=a.NODE2"),
        cookie("S8_unknown", "JSESSIONID=a.node4"),
        # S9 to S26: members in all states
        states("S9_standby", ("route=a", "route=b status=+H", "route=c")),
        states("S9_spare", ("route=a", "route=b status=+R", "route=c")),
        states("S9_draining", ("route=a", "route=b status=+N", "route=c")),
        states("S9_other_lbset", ("route=a", "route=b lbset=3", "route=c")),
        states("S10_twice", ("route=a", "route=b", "route=b")),
        states("S10_standby_later", ("route=b status=+H", "route=b", "route=c")),
        states("S10_standby_instead", ("route=b status=+H", "route=b status=+D", "route=c")),
        states("S20_redirect", ("route=a", "route=b redirect=c status=+D", "route=c")),
        states(
            "S20_redirect_twice",
            ("route=a", "route=b redirect=c status=+D", "route=c redirect=d status=+S", "route=d"),
        ),
        states(
            "S20_redirect_in_a_circle",
            ("route=a", "route=b redirect=c status=+D", "route=c redirect=b status=+D"),
        ),
        states(
            "S20_redirect_with_nofailover",
            ("route=a", "route=b redirect=c status=+D", "route=c"),
            "nofailover=On",
        ),
        states("S20_redirect_unused", ("route=a", "route=b redirect=c", "route=c")),
        states("S22_failover", ("route=a", "route=b status=+D", "route=c")),
        states("S22_failover_from_dead", ("route=a", "dead route=b", "route=c")),
        states("S20_redirect_from_dead", ("route=a", "dead route=b redirect=c", "route=c")),
        states("S23_nofailover", ("route=a", "route=b status=+D"), "nofailover=On"),
        states("S23_nofailover_foreign", ("route=a", "route=b"), "nofailover=On", route="z"),
        states("S24_nofailover_dead", ("route=a", "dead route=b"), "nofailover=On"),
        states("S25_stopped", ("route=a", "route=b status=+S", "route=c")),
        states("S25_failed_check", ("route=a", "route=b status=+C", "route=c")),
        states("S26_ignores_errors", ("route=a", "dead route=b status=+I", "route=c")),
        # A10: what sticky requests do to the others
        case(
            "sticky/A10_credit",
            balancer(("route=a", "route=b loadfactor=2", "route=c status=+H"), "stickysession=SID"),
            *[get("/", "Cookie: SID=x.a")] * 10,
            *[get("/")] * 26,
        ),
        case(
            "sticky/A10_bybusyness",
            balancer(("route=a", "route=b", "route=c"), "stickysession=SID", "lbmethod=bybusyness"),
            *[get("/", "Cookie: SID=x.b")] * 5,
            *[get("/")] * 15,
        ),
        case(
            "sticky/A10_bytraffic",
            balancer(("route=a", "route=b", "route=c"), "stickysession=SID", "lbmethod=bytraffic"),
            *[get("/", "Cookie: SID=x.b")] * 5,
            *[get("/")] * 15,
        ),
        # S31: the recipe of the manual
        case(
            "sticky/S31_recipe",
            balancer(("route=1", "route=2"), "stickysession=ROUTEID", header=RECIPE),
            get("/"),
            get("/", "Cookie: ROUTEID=.1"),
            get("/", "Cookie: ROUTEID=.2"),
            get("/", "Cookie: ROUTEID=.9"),
            get("/", "Cookie: ROUTEID=2"),
            get("/"),
        ),
        case(
            "sticky/S31_recipe_with_errors",
            balancer(
                ("route=1", "dead route=2", "dead route=3 status=+H"),
                "stickysession=ROUTEID",
                "nofailover=On",
                header=RECIPE,
            ),
            get("/"),
            get("/", "Cookie: ROUTEID=.2"),
            get("/", "Cookie: ROUTEID=.1"),
        ),
        case(
            "sticky/S30_variables",
            balancer(
                ("route=1", "route=2", ""),
                "stickysession=ROUTEID|rid",
                header="\n".join(
                    f'Header set X-{name.replace("_", "-")} "%{{BALANCER_{name}}}e"'
                    for name in (
                        "NAME",
                        "WORKER_NAME",
                        "WORKER_ROUTE",
                        "SESSION_STICKY",
                        "SESSION_ROUTE",
                        "ROUTE_CHANGED",
                    )
                ),
            ),
            get("/"),
            get("/", "Cookie: ROUTEID=.1"),
            get("/;rid=x.2"),
            get("/", "Cookie: ROUTEID=x."),
            get("/", "Cookie: ROUTEID=x.y"),
            get("/", "Cookie: ROUTEID=x"),
            get("/"),
            get("/"),
        ),
    ]
)


@pytest.mark.parametrize("name", CASES)
def test_session(world: World, name: str) -> None:
    """
    Sessions, and requests between them, go to the same members as in Apache.
    """
    check(world, CASES[name])

"""
C{<Location>} and C{<Proxy>} sections, and the rules they are for.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.httpd.reading import BALANCER, errors_of, spec_of, warnings_of
from txbalancer.config.httpd.expand import MOST_LOOSE
from txbalancer.core.access import Group, Not, Require
from txbalancer.core.specs import (
    Condition,
    MountSpec,
    NotProxied,
    ToBalancer,
    ToHeartbeat,
    ToManager,
    ToMember,
    ToStatus,
)


def section(path: str, inside: str, name: str = "Location") -> str:
    return f"<{name} {path}>\n{inside}\n</{name}>\n"


def mounts(text: str) -> list[tuple[str, object]]:
    return [(each.label, each.target) for each in spec_of(text).mounts]


def only(text: str) -> MountSpec:
    (mount,) = spec_of(text).mounts
    return mount


def test_a_section_around_a_rule_adds_to_it() -> None:
    """
    No copy is needed where a section has all of a rule.
    """
    mount = only(section("/", "Header set X-A b") + "ProxyPass /a http://m/\n")
    assert (mount.label, mount.conditions) == ("/a", ())
    assert mount.header[0].name == "X-A"


def test_a_section_within_a_rule_makes_a_copy_before_it() -> None:
    """
    The copy has the rule's path, so that paths are mapped alike, and the section as condition.
    """
    text = section("/a/b", "ProxyPreserveHost On") + "ProxyPass /a http://m/\n"
    first, second = spec_of(text).mounts
    assert (first.label, first.path) == ("/a in /a/b", "/a")
    assert first.conditions == (Condition("location", "", ("/a/b",)),)
    assert first.preservehost
    assert (second.label, second.preservehost) == ("/a", False)


def test_many_sections_beside_each_other_are_no_burden() -> None:
    """
    Prefixes make one copy each, however many they are.
    """
    text = "".join(section(f"/s{n}", f"Header set X-A {n}") for n in range(300))
    assert len(spec_of(text + "ProxyPass / http://m/\n").mounts) == 301


def test_too_many_expressions_are_refused() -> None:
    """
    Regular expressions double the copies of a rule: there is a limit, and it names the remedy.
    """
    loose = "".join(
        section(f"x{n}", f"Header set X-A {n}", "LocationMatch") for n in range(MOST_LOOSE + 1)
    )
    assert "use prefixes" in errors_of(loose + "ProxyPass / http://m/\n")
    handlers = loose.replace("Header set X-A", "SetHandler server-status #")
    assert "takes one word" not in errors_of(loose.replace("Header", "ProxyPass ! #"))
    assert "f:" in errors_of(handlers)


def test_more_expressions_in_the_rest_are_refused_too() -> None:
    """
    Pages may be mounted by expressions, with the same limit.
    """
    loose = "".join(
        section(f"x{n}", "SetHandler server-status", "LocationMatch") for n in range(MOST_LOOSE + 1)
    )
    assert "use prefixes" in errors_of(loose)


@pytest.mark.parametrize(
    ("handler", "target"),
    [
        ("balancer-manager", ToManager()),
        ("Server-Status", ToStatus()),
        ("heartbeat", ToHeartbeat()),
    ],
)
def test_pages_are_mounts_of_their_own(handler: str, target: object) -> None:
    """
    SetHandler in a section answers what is not proxied.
    """
    assert mounts(section("/p", f"SetHandler {handler}")) == [("/p", target)]


def test_a_page_comes_after_all_rules() -> None:
    """
    Seen at Apache 2.4.71: what a ProxyPass takes is proxied, SetHandler or not.
    """
    text = section("/m", "SetHandler balancer-manager") + "ProxyPass / http://m/\n"
    assert [label for label, _ in mounts(text)] == ["/"]
    assert "SetHandler is never reached: line 5 takes all of /m before" in warnings_of(text)[0]
    assert mounts(text + "ProxyPass /m !\n")[0][0] == "/"
    excluded = mounts("ProxyPass /m !\n" + text)
    assert [label for label, _ in excluded] == ["/m", "/"]
    assert excluded[0][1] == ToManager()


def test_a_deeper_section_can_take_a_page_away() -> None:
    """
    SetHandler none: nothing is there.
    """
    text = section("/m", "SetHandler server-status") + section("/m/x", "SetHandler none")
    assert mounts(text) == [("/m/x", NotProxied()), ("/m", ToStatus())]


def test_sections_without_anything_to_serve_are_404() -> None:
    """
    Require alone makes no mount.
    """
    assert mounts(section("/a", "Require all denied") + "ProxyPass /b !\n") == [
        ("/b", NotProxied())
    ]


def test_H54_a_rule_in_a_section_comes_first() -> None:
    """
    Of the sections that match, the last with a rule counts, whatever stands outside.
    """
    text = (
        "ProxyPass /a/b !\nProxyPass / http://all/\n"
        + section("/a", "ProxyPass http://in/x")
        + section("/a/c", "ProxyPass !")
    )
    found = spec_of(text).mounts
    assert [each.label for each in found] == ["/a/c", "/a", "/"]
    assert found[1].target == ToMember(found[1].target.member)  # type: ignore[union-attr]
    assert found[1].target.member.path == "/x"  # type: ignore[union-attr]


def test_rules_in_sections_with_patterns_are_expressions() -> None:
    """
    Seen at Apache 2.4.71: a glob is the rule's regular expression too, and the section still
    has to match; an expression without special characters is taken for a path, and never
    matches.
    """
    mount = only(section("/g*/b", "ProxyPass http://m/z"))
    assert (mount.match, mount.conditions) == ("/g*/b", (Condition("location", "", ("/g*/b",)),))
    mount = only(section("^/d(.*)", "ProxyPass http://m/$1", "LocationMatch"))
    assert (mount.match, mount.conditions) == ("^/d(.*)", ())
    mount = only(section("~ ^/d", "ProxyPassMatch http://m/y"))
    assert mount.match == "^/d"
    text = section("^/d", "ProxyPass http://m/y", "LocationMatch")
    assert mounts(text) == []
    assert any("never matches, as in Apache: use" in each for each in warnings_of(text))


def test_H60_pairs_grow_from_outside_to_inside() -> None:
    """
    Those of the server come first; in a section the path is the section's.
    """
    text = "ProxyPass /a http://m/\nProxyPassReverse /x http://in/\n" + section(
        "/a", "ProxyPassReverse http://in/\nProxyPassReverseCookiePath / /a\n"
    )
    text += "ProxyPassReverseCookieDomain in.test out.test\n"
    mount = only(text)
    assert mount.proxypassreverse == (("/x", "http://in/"), ("/a", "http://in/"))
    assert mount.reverse_cookie_path == (("/", "/a"),)
    assert mount.reverse_cookie_domain == (("in.test", "out.test"),)


def test_rules_of_access_replace_outer_ones_unless_merged() -> None:
    """
    AuthMerging Off, And and Or.
    """
    outer = section("/", "Require ip 10.1\nRequire local") + "ProxyPass /a http://m/\n"
    local, ip = Require("local"), Require("ip", ("10.1.0.0/16",))
    granted = Require("all granted")
    assert only(outer).require == (ip, local)
    assert only(outer + section("/a", "Require all granted")).require == (granted,)
    merged = only(outer + section("/a", "AuthMerging And\nRequire all granted"))
    assert merged.require == (Group("all", (Group("any", (ip, local)), granted)),)
    either = only(outer + section("/a", "AuthMerging Or\nRequire all granted"))
    assert either.require == (ip, local, granted)


def test_groups_of_rules() -> None:
    """
    M2: RequireAll, RequireAny, RequireNone and not.
    """
    inside = (
        "<RequireAll>\nRequire all granted\nRequire not ip 10.1.2.3/255.255.0.0\n"
        "<RequireNone>\nRequire host example.com\n</RequireNone>\n</RequireAll>"
    )
    mount = only(section("/", inside) + "ProxyPass / http://m/\n")
    assert mount.require == (
        Group(
            "all",
            (
                Require("all granted"),
                Not(Require("ip", ("10.1.0.0/16",))),
                Group("none", (Require("host", ("example.com",)),)),
            ),
        ),
    )


def test_proxy_sections_are_for_rules_that_lead_to_their_urls() -> None:
    """
    The URL's beginning counts, without a boundary, and `*` is for all; locations go before.
    """
    text = (
        section("*", "Header set X-All 1", "Proxy")
        + section("http://m/x", "Header set X-Part 1", "Proxy")
        + section("http://other/", "Header set X-Other 1", "Proxy")
        + "ProxyPass /p http://M/\nProxyPass /q http://m/xyz\nProxyPass /n http://n/$x\n"
    )
    found = {
        each.label: [edit.name for edit in each.header]
        for each in spec_of(text.replace("ProxyPass /n http://n/$x\n", "")).mounts
    }
    assert found == {
        "/p in ~^/p/x": ["X-All", "X-Part"],
        "/p": ["X-All"],
        "/q": ["X-All", "X-Part"],
    }


def test_a_balancers_section_guards_its_requests() -> None:
    """
    M2: Require in <Proxy balancer://b>.
    """
    text = BALANCER.replace("</Proxy>", "Require ip 10.1\n</Proxy>")
    mount = only(text + "ProxyPass / balancer://b/\n")
    assert mount.target == ToBalancer("b", "/")
    assert mount.require == (Require("ip", ("10.1.0.0/16",)),)


@pytest.mark.parametrize("name", ["http://m/*/x", "http://m/a?"])
def test_urls_that_cannot_be_told_before_are_refused(name: str) -> None:
    """
    The remedy is a Location.
    """
    text = section(name, "Require all denied", "Proxy") + "ProxyPass / http://m/\n"
    assert "use a <Location> instead" in errors_of(text)


def test_expressions_of_proxy_sections() -> None:
    """
    One that fits all URLs of a rule is for the rule; one that may fit some is refused.
    """
    rule = "ProxyPass / http://m/\n"
    mount = only(section("^http://m/", "Header set X-A 1", "ProxyMatch") + rule)
    assert mount.header
    told = errors_of(section("/x$", "Header set X-A 1", "ProxyMatch") + rule)
    assert "cannot be seen before" in told
    for text in ("^http://m/($|open/)", "^http://m/(?!admin)", r"^http://m/\b", "^http://m/?+$"):
        told = errors_of(section(text, "Require all granted", "ProxyMatch") + rule)
        assert "cannot be seen before" in told
    assert only(section("//(m|n)/", "Header set X-A 1", "ProxyMatch") + rule).header
    matching = section("http://m/a", "Header set X-A 1", "Proxy")
    told = errors_of(matching + "ProxyPassMatch ^/(.*) http://m/$1\n")
    assert "cannot be seen before" in told
    assert not only(matching + "ProxyPassMatch ^/(.*) http://n/$1\n").header
    assert only(section("http://m*", "Header set X-A 1", "Proxy") + rule).header
    assert not only(section("http://n/a*b", "Header set X-A 1", "Proxy") + rule).header


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ProxyPass http://m/", "ProxyPass|ProxyPassMatch needs a path when not defined in a"),
        ("ProxyPass /", "ProxyPass|ProxyPassMatch needs a path when not defined in a location"),
        ("ProxyPass / http://m/ junk", "Parameter must be in the form 'key=value'. (junk)"),
        ("ProxyPass / http://m/ interpolate", "interpolate is not carried over"),
        ("ProxyPass / http://m/ mapping=odd", "unknown mapping"),
        ("ProxyPass / foo", "ProxyPass URL must be absolute!: foo"),
        ("ProxyPass / /b", "ProxyPass URL must be absolute!: /b"),
        ("ProxyPass / http:///b", "ProxyPass URL must be absolute!: http:///b"),
        ("ProxyPass / http://$1/", "a host or port that comes from the request"),
        ("ProxyPass /a/../b http://m/", "dot segments are resolved before"),
        ("ProxyPass /a http://m/$1", "$1 needs"),
        ("ProxyPass /a balancer://b/é", "must be written as %XX"),
        ("ProxyPassMatch ^/(a http://m/", "is not a regular expression"),
        (
            "ProxyPassMatch ^/[[:odd:]] http://m/",
            "[:odd:] is not a class of characters that is known",
        ),
        ("ProxyPassMatch ^/(a) http://m/$2", "the match has no group 2"),
        ("ProxyPassMatch ~ ^/a http://m/", "ProxyPassMatch invalid syntax ('~' usage)."),
        ("ProxyPass ~ ( http://m/", "is not a regular expression"),
        (section("/a", "ProxyPass /x http://m/"), "can not have a path when defined in a location"),
        (section("/a", "ProxyPass x http://m/"), "can not have a path when defined in a location"),
        (section("/a", "ProxyPass http://m/ junk"), "in the form 'key=value'"),
        (section("/a", "ProxyPass"), "the URL is missing"),
        ("ProxyPassReverse http://m/", "ProxyPassReverse needs a path when not defined in a"),
        ("ProxyPassReverse /a http://m/ x y", "'y' is too much"),
        ("ProxyPassReverse /a http://m/ interpolate", "interpolate is not carried over"),
        (section("/a", "ProxyPassReverse /a http://m/"), "can not have a path when defined in a"),
        (section("/a", "ProxyPassReverse"), "the URL is missing"),
        (section("^/a", "ProxyPassReverse http://m/", "LocationMatch"), "needs a path: give it"),
        (section("a", "Require all granted"), "'a' is no path that starts with /"),
        (section("/a b", "Require all granted"), "Location takes one path"),
        (section("~", "Require all granted"), "one regular expression after ~"),
        (section("/a", "SetHandler cgi-script"), "cgi-script is not carried over"),
        (section("/a", "SetHandler"), "SetHandler takes one word"),
        (section("balancer://b", "SetHandler server-status", "Proxy"), "may only stand in a"),
        (section("/a", "AuthType Digest"), "Digest is not carried over: use Basic"),
        (section("/a", "AuthBasicProvider ldap"), "only file is carried over"),
        (section("/a", "AuthMerging Maybe"), "AuthMerging: 'Maybe' is not allowed"),
        (
            section("/a", "AuthUserFile /no/such"),
            "cannot read /no/such: No such file or directory: make it with `htpasswd",
        ),
        (section("/a", "AuthBasicAuthoritative Off"), "there is no other authority here"),
        (section("/a", "ProxyPreserveHost"), "ProxyPreserveHost takes one word"),
        (section("/a", "ProxyErrorOverride 200"), "400 to 599"),
        (section("/a", "Header"), "Header: "),
        (section("/a", "ProxyPassReverseCookiePath /"), "takes two words: INTERNAL PUBLIC"),
        (
            section("/a", "Require not ip 10.1"),
            "Require: not has no effect by itself: put it into <RequireAll>, "
            "beside `Require all granted`",
        ),
        (section("/a", "AuthMerging"), "AuthMerging takes Off, And or Or"),
        (section("/a", "AuthType"), "AuthType takes Basic or None"),
        (section("", "Header set X-A 1", "Proxy"), "<Proxy> needs a URL, or * for all"),
        (section("(", "Header set X-A 1", "ProxyMatch"), "is not a regular expression"),
        ("ProxyPass /a balancer://b?x", "must be balancer://NAME"),
        ("BalancerGrowth many", "BalancerGrowth: "),
        ("AllowEncodedSlashes", "AllowEncodedSlashes takes one word"),
        ("ProxyPassMatch ^/a balancer://b/$1", "the match has no group 1"),
        (section("/a", "Require method GET"), "Require method is not carried over"),
        (section("/a", "Require ip foo"), "'foo'"),
        (section("/a", "Require"), "Require: "),
        (section("/a", "Require not"), "Require: "),
        (section("/a", "<RequireAll>\n</RequireAll>"), "RequireAll: "),
        (section("/a", "<RequireAll>\nRequire ip x\n</RequireAll>"), "f:4: Require: 'x'"),
        ("ProxyRequests On", "there is no forward proxy here"),
        ("ProxyVia Maybe", "'Maybe' is not allowed"),
    ],
)
def test_faults_of_rules_and_sections(text: str, told: str) -> None:
    """
    W31, W32, H66: in Apache's words where it has some, with the line, and no fault twice.
    """
    found = errors_of(f"{text}\n{BALANCER}ProxyPass /zzz balancer://b\n")
    assert told in found
    assert found.startswith("f:")


def test_unix_sockets_flags_and_names() -> None:
    """
    A socket's URL, flags of mounts, and groups with names as PCRE writes them.
    """
    text = (
        "ProxyPass /a unix:/s|http://m/x nocanon noquery\nProxyPass /b http://m/ mapping=servlet\n"
    )
    first, second = spec_of(text).mounts
    assert (first.target.member.socket, first.target.member.path) == ("/s", "/x")  # type: ignore[union-attr]
    assert (first.nocanon, first.noquery, second.mapping) == (True, True, "servlet")
    assert only("ProxyPassMatch ^/(?<x>a) http://m/$1\n").match == "^/(?<x>a)"
    assert only("ProxyPass ~ ^/a http://m/\n").match == "^/a"
    assert only("ProxyPass /w ws://m/x\n").target.member.path == "/x"  # type: ignore[union-attr]


def test_settings_of_the_whole_server() -> None:
    """
    What may only stand outside of sections.
    """
    mount = only(
        "ProxyVia Full\nAllowEncodedSlashes NoDecode\nLimitRequestBody 5\nProxyPass / http://m/\n"
    )
    assert (mount.via, mount.encodedslashes, mount.max_body) == ("full", "nodecode", 5)
    text = section("/a", "LogLevel debug") + "ProxyPass / http://m/\n"
    assert "LogLevel: has no effect here" in warnings_of(text)[0]


def test_logins(tmp_path: Path) -> None:
    """
    Basic logins with an htpasswd file, which may be relative to the server's root.
    """
    (tmp_path / "users").write_text("")
    inside = "AuthType Basic\nAuthName Staff\nAuthBasicProvider file\nAuthUserFile users\n"
    text = f"ServerRoot {tmp_path}\n" + section("/", f"{inside}Require valid-user")
    mount = only(text + "ProxyPass / http://m/\n")
    assert (mount.auth_file, mount.auth_name) == (f"{tmp_path}/users", "Staff")
    assert mount.require == (Require("valid-user"),)
    proxy = f"<Proxy *>\n{inside}Require valid-user\n</Proxy>\nProxyPass / http://m/\n"
    mount = only(f"ServerRoot {tmp_path}\n{proxy}")
    assert mount.auth_file == f"{tmp_path}/users"
    assert "f:7: AuthUserFile: cannot read /no/users" in errors_of(f"ServerRoot /no\n{proxy}")


def test_health_checks_are_the_balancers() -> None:
    """
    C3: expressions, templates and their number reach the balancers in file order.
    """
    spec = spec_of(
        "ProxyHCExpr ok {%{REQUEST_STATUS} =~ /^2/}\nProxyHCTPsize 4\n"
        "ProxyHCTemplate t hcmethod=GET hcuri=/h hcexpr=ok\n"
        "<Proxy balancer://b>\nBalancerMember http://m hctemplate=t\n</Proxy>\n"
        "BalancerMember balancer://b http://n\nProxySet balancer://b nofailover=On\n"
        "ProxyPass / balancer://b/\n"
    )
    assert spec.service.hctpsize == 4
    assert spec.service.hcexpr[0].name == "ok"
    (balancer,) = spec.balancers
    assert [each.hcmethod for each in balancer.members] == ["get", "none"]
    assert balancer.nofailover


def test_D17_variables_of_the_proxy() -> None:
    """
    C{SetEnv} with a name that mod_proxy knows, whatever its value, holds within its section.
    """
    text = section("/old", "SetEnv Force-Proxy-Request-1.0 1\nSetEnv proxy-nokeepalive")
    old, new = spec_of(text + "ProxyPass / http://m/\n").mounts
    assert (old.http10, old.nokeepalive) == (True, True)
    assert (new.http10, new.nokeepalive) == (False, False)
    everywhere = only("SetEnv proxy-nokeepalive 1\nProxyPass / http://m/\n")
    assert everywhere.nokeepalive
    inside = BALANCER.replace("</Proxy>", "SetEnv proxy-nokeepalive 1\n</Proxy>")
    assert only(inside + "ProxyPass / balancer://b/\n").nokeepalive


@pytest.mark.parametrize(
    "words", ["proxy-sendcl 1", "proxy-initial-not-pooled 1", "A b", "", "proxy-nokeepalive 1 2"]
)
def test_D17_other_variables_are_refused(words: str) -> None:
    """
    Any other variable has no meaning here, and a third word is too much.
    """
    told = errors_of(f"SetEnv {words}\nProxyPass / http://m/\n")
    assert told == (
        "f:2: SetEnv: is not carried over: no variable has a meaning here but "
        "proxy-nokeepalive and force-proxy-request-1.0; leave it out"
    )

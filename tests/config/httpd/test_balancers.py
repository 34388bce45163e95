"""
Balancers and members as Apache's directives declare them.
"""

from __future__ import annotations

import pytest

from tests.config.httpd.collecting import balancer, collect, directive, good
from txbalancer.config.findings import Findings
from txbalancer.config.httpd.balancers import Balancers, share
from txbalancer.config.httpd.drafts import BalancerDraft, new_name
from txbalancer.config.httpd.settle import settle, single_spec
from txbalancer.core import flags
from txbalancer.core.registry import Registry
from txbalancer.core.specs import MemberSpec, StickyNames

SNIPPETS = {
    1: """
<Proxy balancer://mycluster>
    BalancerMember http://127.0.0.1:8080 route=a
    BalancerMember http://127.0.0.1:8081 route=b
    ProxySet stickysession=JSESSIONID
</Proxy>
ProxyPass / balancer://mycluster/ stickysession=JSESSIONID
""",
    2: """
<Proxy balancer://mycluster>
    BalancerMember http://127.0.0.1:8080 route=a
    BalancerMember http://127.0.0.1:8081 route=b
    ProxySet lbmethod=bytraffic stickysession=JSESSIONID
</Proxy>
ProxyPass / balancer://mycluster/
""",
    3: """
<Proxy balancer://mycluster>
    BalancerMember http://127.0.0.1:8080 route=1 status=+H
    BalancerMember http://127.0.0.1:8081 route=2 status=+H
</Proxy>
ProxyPass / balancer://mycluster/ stickysession=JSESSIONID|jsessionid
""",
    4: """
<Proxy balancer://mycluster>
    BalancerMember http://127.0.0.1:8080 route=server1
    BalancerMember http://127.0.0.1:8081 route=server2
</Proxy>
ProxyPass /app balancer://mycluster/ stickysession=JSESSIONID|jsessionid
""",
    5: """
<Proxy "balancer://mycluster">
    BalancerMember "http://127.0.0.1:8080" route=1 retry=5 hcmethod=GET hcuri=/healthcheck
    BalancerMember "http://127.0.0.1:8081" route=2 status=+H hcmethod=GET hcuri=/healthcheck
    ProxySet lbmethod=byrequests
</Proxy>
ProxyPass "/app" "balancer://mycluster"
""",
}


@pytest.mark.parametrize("number", SNIPPETS)
def test_D_snippets_are_read_without_a_doubt(number: int) -> None:
    """
    Balancers as people write them are read without a warning.
    """
    found = good(SNIPPETS[number])
    assert found.warnings == []
    assert [each.name for each in found.specs] == ["mycluster"]
    assert [each.url for each in found["mycluster"].members] == [
        "http://127.0.0.1:8080",
        "http://127.0.0.1:8081",
    ]


@pytest.mark.parametrize(
    ("number", "sticky", "method", "routes", "target"),
    [
        (1, StickyNames("JSESSIONID", "JSESSIONID"), "byrequests", "a b", "mycluster/"),
        (2, StickyNames("JSESSIONID", "JSESSIONID"), "bytraffic", "a b", "mycluster/"),
        (3, StickyNames("JSESSIONID", "jsessionid"), "byrequests", "1 2", "mycluster/"),
        (4, StickyNames("JSESSIONID", "jsessionid"), "byrequests", "server1 server2", "mycluster/"),
        (5, None, "byrequests", "1 2", "mycluster"),
    ],
)
def test_D_snippets_mean_what_they_say(
    number: int, sticky: StickyNames | None, method: str, routes: str, target: str
) -> None:
    """
    Stickiness, lbmethod, routes and targets are those of the file.
    """
    found = good(SNIPPETS[number])
    spec = found["mycluster"]
    assert (spec.stickysession, spec.lbmethod) == (sticky, method)
    assert [each.route for each in spec.members] == routes.split()
    assert found.targets == [target]


def test_D_members_of_the_snippets() -> None:
    """
    Start flags, retry and health checks of members are those of the file.
    """
    standby = flags.INIT | flags.STANDBY
    assert [each.status for each in good(SNIPPETS[3])["mycluster"].members] == [standby, standby]
    first, second = good(SNIPPETS[5])["mycluster"].members
    assert (first.retry, first.status, second.retry, second.status) == (5.0, 1, 60.0, standby)
    assert (first.hcmethod, first.hcuri, first.hcinterval) == ("get", "/healthcheck", 30.0)
    assert (first.hcpasses, first.hcfails, first.maxfails) == (1, 1, 1)


def test_D13_hccounting_and_the_rest_are_apaches() -> None:
    """
    In Apache's syntax every option that is not given has Apache's default.
    """
    (made,) = good(balancer("BalancerMember http://h:1"))["c"].members
    assert made == MemberSpec(
        "http://h:1",
        host="h",
        port=1,
        retry=60.0,
        maxfails=1,
        blame="connect",
        timeout=60.0,
        connectiontimeout=60.0,
        smax=None,
        ttl=0.0,
        acquire=0.0,
        keepalive=False,
        addressttl=-1.0,
        upgrade="NONE",
        tunneltimeout=60.0,
        hccounting="sums",
        hcinterval=30.0,
        hctimeout=0.0,
        hcpasses=1,
        hcfails=1,
        sslproxyverify="none",
        sslproxyverifydepth=1,
    )


def test_modern_defaults_on_demand() -> None:
    """
    A file may ask for this program's defaults.
    """
    text = "# txbalancer: defaults modern\n" + balancer("BalancerMember http://h:1")
    assert good(text)["c"].members == (MemberSpec("http://h:1", host="h", port=1),)


def test_0_2_names_of_balancers() -> None:
    """
    Names are read in any case, and a path behind them is not part of them.
    """
    found = good(
        "<Proxy balancer://MyCluster/foo>\nBalancerMember http://h:1 route=a\n</Proxy>\n"
        "ProxySet BALANCER://mycluster/bar stickysession=A\n"
        "ProxyPass /x balancer://MYCLUSTER/y\n"
    )
    assert found["mycluster"].stickysession == StickyNames("A", "A")
    assert found.targets == ["mycluster/y"]


def test_0_2_names_that_specs_cannot_have() -> None:
    """
    Characters that a section's name cannot have are replaced; names stay apart.
    """
    found = good(
        "BalancerMember balancer://a:80 http://h:1\nBalancerMember balancer://a_80 http://h:2\n"
        "BalancerMember balancer://a-80 http://h:3\n"
    )
    assert [each.name for each in found.specs] == ["a-80", "a_80", "a-80.2"]


def test_new_names_fit() -> None:
    """
    However long, a name of a spec has at most 63 characters and is taken once.
    """
    taken: set[str] = set()
    names = [new_name("n" * 84, suffix, taken) for suffix in ("", "-s" * 60, "-s" * 60, "")]
    assert len(set(names)) == 4
    assert all(len(name) <= 63 for name in names)


def test_0_5_declarations_of_all_forms_add_up() -> None:
    """
    Members and parameters of one balancer may be declared in several places; the last wins.
    """
    found = good(
        "BalancerMember balancer://c http://h:1 loadfactor=2\n"
        "<Proxy balancer://c maxattempts=7>\n"
        "BalancerMember http://h:2 loadfactor=3\n"
        "ProxySet maxattempts=3\n"
        "</Proxy>\n"
        "ProxySet balancer://c timeout=1 failontimeout=On\n"
        "ProxyPass /a balancer://c timeout=2\n"
        "ProxySet balancer://c failontimeout=Off\n"
    )
    spec = found["c"]
    assert [(each.url, each.loadfactor) for each in spec.members] == [
        ("http://h:1", 200),
        ("http://h:2", 300),
    ]
    # Apache reads what stands in the section before the words after its name.
    assert (spec.maxattempts, spec.timeout, spec.failontimeout) == (7, 2.0, False)
    assert found.places == {
        "balancer:c": ("f", 1),
        "balancer:c http://h:1": ("f", 1),
        "balancer:c http://h:2": ("f", 3),
    }


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("HTTP://LocalHost:80/", "http://localhost/"),
        ("https://127.0.0.1:443/s", "https://127.0.0.1/s"),
        ("http://[::1]:21151/v6", "http://[::1]:21151/v6"),
        ("unix:/path.sock|http://localhost/x", "unix:/path.sock|http://localhost/x"),
        ("unix:/path.sock|http:", "unix:/path.sock|http://localhost"),
        ("ws://h:1/x", "http://h:1/x"),
        ("WSS://h/x", "https://h/x"),
        ("unix:/s|ws://h/", "unix:/s|http://h/"),
    ],
)
def test_0_3_0_4_urls_of_members(url: str, name: str) -> None:
    """
    URLs are normalised as Apache does.
    """
    (made,) = good(balancer(f'BalancerMember "{url}"'))["c"].members
    assert made.url == name
    assert made.upgrade == ("websocket" if "ws" in url.lower() else "NONE")


def test_H40_a_websocket_member_may_say_otherwise() -> None:
    """
    ws:// means upgrade=websocket unless the member has an upgrade of its own.
    """
    (made,) = good(balancer("BalancerMember ws://h:1 upgrade=ANY"))["c"].members
    assert made.upgrade == "ANY"


def test_0_6_a_member_that_is_there_already() -> None:
    """
    The second of two equal members is left out, and its parameters are told.
    """
    found = good(
        balancer(
            "BalancerMember http://h:1 retry=5",
            "BalancerMember HTTP://H:1/ retry=6 route=a",
            "BalancerMember http://h:1",
            "BalancerMember http://h:1/x",
        )
    )
    assert [(each.url, each.retry) for each in found["c"].members] == [
        ("http://h:1", 5.0),
        ("http://h:1/x", 60.0),
    ]
    assert found.warnings == [
        "f:3: BalancerMember: http://h:1 is there already, in line 2, and keeps what it was given "
        "there: retry, route ignored, as Apache does",
        "f:4: BalancerMember: http://h:1 is a member already, in line 2",
    ]


def test_X38_members_that_begin_alike_are_separate() -> None:
    """
    A URL that begins with another's is a member of its own, with its own parameters.
    """
    found = good(balancer("BalancerMember http://h retry=1", "BalancerMember http://h/x retry=2"))
    assert [each.retry for each in found["c"].members] == [1.0, 2.0]


def test_D18_one_member_for_plain_requests_and_upgrades() -> None:
    """
    Of ws:// and http:// with one address one member is made, which may be upgraded.
    """
    found = good(balancer("BalancerMember http://h:1", "BalancerMember ws://h:1"))
    (made,) = found["c"].members
    assert made.upgrade == "websocket"
    assert "http://h:1 is a member already" in found.warnings[0]


def test_what_else_stands_in_a_section_is_handed_back() -> None:
    """
    Directives of a section that concern requests are not the balancer's.
    """
    found = good(
        balancer("Require all granted", "BalancerMember http://h:1", "Header set A b")
        + "<Proxy *>\nRequire ip 10.0.0.0/8\n</Proxy>\n"
    )
    first, second = found.sections
    assert isinstance(first.holder, BalancerDraft)
    assert [each.name for each in first.rest] == ["Require", "Header"]
    assert second.holder is None
    assert [each.name for each in second.rest] == ["Require"]


def test_options_shared_by_other_directives() -> None:
    """
    A directive in a section, such as SSLProxyVerify, may give options to its members.
    """
    found = Findings("f")
    server = Balancers(found, Registry())
    line = directive("SSLProxyVerify none")
    inside = directive("BalancerMember https://h"), directive("BalancerMember http://h")
    section = server.section(directive("Proxy balancer://c", *inside))
    single = server.section(directive("Proxy https://d"))
    draft = server.single("https://d/x", [], directive("ProxyPass /x https://d/x"))
    for each in (section, single):
        assert each.holder is not None
        share(each.holder, {"sslproxyverifydepth": 3}, line)
    (spec,) = settle(server).specs
    assert [each.sslproxyverifydepth for each in spec.members] == [3, 1]
    assert draft is not None
    assert single_spec(server, draft).sslproxyverifydepth == 3


def test_server_defaults_are_below_all() -> None:
    """
    What a server gives its members holds unless they or their balancer's section say otherwise.
    """
    found = good(
        balancer("BalancerMember http://h:1 ttl=1", "BalancerMember http://h:2"),
        [{"ttl": 9.0, "iobuffersize": 4096, "sslproxyverify": "require"}],
    )
    assert [each.ttl for each in found["c"].members] == [1.0, 9.0]
    assert [each.iobuffersize for each in found["c"].members] == [4096, 4096]
    # Of no use to a plain member.
    assert [each.sslproxyverify for each in found["c"].members] == ["none", "none"]


def test_a_balancer_without_members() -> None:
    """
    A balancer that nobody declares answers 503, as in Apache; a likely name is told.
    """
    found = good(
        "<Proxy balancer://mycluster>\nBalancerMember http://h:1\n</Proxy>\n"
        "ProxyPass / balancer://myclster/\n"
    )
    assert found["myclster"].members == ()
    assert found.warnings == [
        "f:4: ProxyPass: balancer://myclster has no members "
        "(did you mean balancer://mycluster?): each request gets 503"
    ]


@pytest.mark.parametrize("text", ["0", "1000"])
def test_B16_balancergrowth(text: str) -> None:
    """
    BalancerGrowth is checked, and told to have no effect.
    """
    (warning,) = good(f"BalancerGrowth {text}\n").warnings
    assert warning.startswith("f:1: BalancerGrowth: has no effect: no balancers are added")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1001", "'1001' is not a whole number from 0 to 1000"),
        ("abc", "'abc' is not a whole number from 0 to 1000"),
        ("", "takes one number"),
        ("1 2", "takes one number"),
    ],
)
def test_B16_faults_of_balancergrowth(text: str, told: str) -> None:
    """
    BalancerGrowth takes a number from 0 to 1000.
    """
    (fault,) = collect(f"BalancerGrowth {text}\n").errors
    assert fault == f"f:1: BalancerGrowth: {told}"

"""
Who may come in: C{Require} and passwords, where people write them. APACHE item M2.
"""

from __future__ import annotations

import base64

import pytest

from tests.differential.cases import Case, case, check, get, named
from tests.differential.sides import World

BALANCER = (
    "<Proxy balancer://{n}>\nBalancerMember http://{0}\n%s\n</Proxy>\nProxyPass / balancer://{n}/"
)

# The password of all is "secret": bcrypt, apr1 and SHA-1.
PASSWORDS = """\
ann:$2y$04$C9fuBArPffYEmT6MjqqVKO4dl7IrdBb4gyJSgWJuAdIOcyD0Peg1W
bob:$apr1$3Phh1yds$YI05ah8A9KCzAxnEAgxAx1
cid:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=
"""


def basic(user: str, password: str) -> str:
    """
    Write the header of a browser that logs in.
    """
    return "Authorization: Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def require(name: str, *rules: str) -> list[Case]:
    """
    Guard a balancer, and a location before another one.
    """
    text = "\n".join(rules)
    return [
        case(f"access/proxy_{name}", BALANCER % text, get("/")),
        case(
            f"access/location_{name}",
            BALANCER % "" + f"\n<Location /in>\n{text}\n</Location>",
            get("/in/x"),
            get("/out"),
        ),
    ]


def login(name: str, *rules: str) -> Case:
    """
    Guard a balancer with passwords, and come with several.
    """
    lines = ["AuthType Basic", 'AuthName "the realm"', "AuthUserFile {passwords}", *rules]
    asked = [get("/"), get("/", basic("ann", "wrong")), get("/", basic("zoe", "secret"))]
    asked += [get("/", basic(user, "secret")) for user in ("ann", "bob", "cid")]
    asked += [get("/", "Authorization: Basic ???"), get("/", "Authorization: Bearer x")]
    return case(f"access/login_{name}", BALANCER % "\n".join(lines), *asked)


def nested(kind: str, *rules: str) -> str:
    """
    Write rules in a section.
    """
    return "\n".join([f"<{kind}>", *rules, f"</{kind}>"])


RULES = {
    "all_granted": ["Require all granted"],
    "all_denied": ["Require all denied"],
    "ip": ["Require ip 127.0.0.1"],
    "ip_other": ["Require ip 10.1.2.3 192.168.0.0/16"],
    "ip_partial": ["Require ip 127"],
    "ip_partial_other": ["Require ip 12"],
    "ip_net_mask": ["Require ip 127.0.0.0/255.0.0.0"],
    "ip_cidr": ["Require ip 127.0.0.0/8"],
    "ip_v6": ["Require ip ::1"],
    "local": ["Require local"],
    "host_localhost": ["Require host localhost"],
    "host_other": ["Require host example.test"],
    "any_of_two": ["Require ip 10.0.0.1", "Require ip 127.0.0.1"],
    "not": [nested("RequireAll", "Require all granted", "Require not ip 127.0.0.1")],
    "not_other": [nested("RequireAll", "Require all granted", "Require not ip 10.0.0.1")],
    "all": [nested("RequireAll", "Require ip 127", "Require local")],
    "all_fails": [nested("RequireAll", "Require ip 127", "Require ip 10")],
    "any": [nested("RequireAny", "Require ip 10", "Require local")],
    "none": [nested("RequireAll", "Require all granted", nested("RequireNone", "Require ip 127"))],
}

CASES = named(
    [each for name, rules in RULES.items() for each in require(name, *rules)]
    + [
        login("valid_user", "Require valid-user"),
        login("user", "Require user ann bob"),
        login("or_ip", "Require valid-user", "Require ip 127.0.0.1"),
        login("and_ip", nested("RequireAll", "Require valid-user", "Require ip 10.0.0.1")),
        login("and_local", nested("RequireAll", "Require valid-user", "Require local")),
    ]
)

SPECIAL = named(
    [
        case(
            "access/inherited_by_location",
            BALANCER % ""
            + "\n<Location />\nRequire ip 10.0.0.1\n</Location>"
            + "\n<Location /open>\nRequire all granted\n</Location>",
            get("/"),
            get("/open/x"),
        ),
        case(
            "access/proxy_star",
            "<Proxy *>\nRequire ip 10.0.0.1\n</Proxy>\n" + BALANCER % "",
            get("/"),
        ),
        case(
            "access/proxy_then_location",
            BALANCER % "Require all denied" + "\n<Location /in>\nRequire all granted\n</Location>",
            get("/in"),
            get("/out"),
        ),
        case(
            "access/unproxied",
            "<Location /in>\nRequire all denied\n</Location>\nProxyPass /in/open !\n"
            + BALANCER % "",
            get("/in/open"),
            get("/in/x"),
        ),
        case(
            "access/location_match",
            BALANCER % ""
            + '\n<LocationMatch "^/secret/.*x$">\nRequire all denied\n</LocationMatch>',
            get("/secret/abcx"),
            get("/secret/abcy"),
        ),
        case(
            "access/location_of_servlets",
            "ProxyPass / http://{0}/ mapping=servlet"
            "\n<Location /in>\nRequire all denied\n</Location>"
            "\n<Location /in/open>\nRequire all granted\n</Location>",
            get("/in;x"),
            get("/;y/in;x/z"),
            get("/in;x/open;x"),
            get("/in;x/open%3Bx"),
            get("/inner;x/in"),
        ),
        case(
            "access/old_location_then_encoded",
            BALANCER % "" + "\n<Location /in>\nRequire all denied\n</Location>",
            get("/%69n"),
            get("//in"),
            get("/x/../in"),
            get("/inner"),
            get("/in/"),
        ),
    ]
)
CASES.update(SPECIAL)


@pytest.mark.parametrize("name", CASES)
def test_access(world: World, name: str) -> None:
    """
    The same clients come in as in Apache, and the others are turned away in the same way.
    """
    check(world, CASES[name])

"""
What people call balancers and members.
"""

from __future__ import annotations

import pytest

from txbalancer.control.cli.exits import REFUSED, UNKNOWN, Fault
from txbalancer.control.cli.naming import Target, find_balancers, find_members, names, short

SERVICE = {
    "balancers": [
        {
            "name": "shop",
            "members": [
                {"url": "http://10.0.0.1:80", "route": "web1"},
                {"url": "https://10.0.0.2", "route": "web2"},
                {"url": "http://[2001:db8::1]:8080/app", "route": ""},
                {"url": "unix:/run/app.sock|http://app", "route": "10.0.0.1:80"},
            ],
        },
        {"name": "two", "members": [{"url": "http://10.0.0.1:80", "route": ""}]},
        {
            "name": "twins",
            "members": [
                {"url": "http://10.0.0.1:81", "route": "a"},
                {"url": "http://10.0.0.1:82", "route": "a"},
            ],
        },
    ]
}


def found(balancer: str, *words: str) -> list[str]:
    """
    Return the URLs of members.
    """
    return [target.url for target in find_members(SERVICE, balancer, words)]


@pytest.mark.parametrize(
    ("word", "url"),
    [
        ("http://10.0.0.1:80", "http://10.0.0.1:80"),
        ("http://10.0.0.1:80/", "http://10.0.0.1:80"),
        ("web1", "http://10.0.0.1:80"),
        ("10.0.0.1", "http://10.0.0.1:80"),
        ("10.0.0.2:443", "https://10.0.0.2"),
        ("[2001:db8::1]:8080", "http://[2001:db8::1]:8080/app"),
        ("[2001:db8::1]", "http://[2001:db8::1]:8080/app"),
        ("unix:/run/app.sock|http://app", "unix:/run/app.sock|http://app"),
        # A route goes before a host and port.
        ("10.0.0.1:80", "unix:/run/app.sock|http://app"),
    ],
)
def test_one_member(word: str, url: str) -> None:
    """
    A member is meant by its URL, its route, its host and port, or its host alone.
    """
    assert found("shop", word) == [url]


def test_patterns() -> None:
    """
    A pattern means all that fit, each once and in the order of the words.
    """
    assert found("shop", "web?", "web1") == ["http://10.0.0.1:80", "https://10.0.0.2"]
    assert found("shop", "*8080*", "web2") == ["http://[2001:db8::1]:8080/app", "https://10.0.0.2"]
    assert found("shop", "[2001:*") == ["http://[2001:db8::1]:8080/app"]
    assert len(found("shop", "*")) == 4


def test_patterns_of_balancers() -> None:
    """
    A host can be meant in every balancer that has it.
    """
    assert find_members(SERVICE, "*", ["http://10.0.0.1:80"]) == [
        Target("shop", "http://10.0.0.1:80"),
        Target("two", "http://10.0.0.1:80"),
    ]


def test_nobody() -> None:
    """
    A word that fits none ends with the code for that, and with what there is.
    """
    with pytest.raises(Fault) as caught:
        found("shop", "web1", "web9")
    assert caught.value.exit_code == UNKNOWN
    assert caught.value.message.startswith("shop has no member web9; use ")
    assert "did you mean web" in caught.value.message
    with pytest.raises(Fault, match="shop has no member x\\*"):
        found("shop", "x*")


def test_ambiguous() -> None:
    """
    A word that two members share is refused, with their URLs; a pattern is meant for both.
    """
    with pytest.raises(Fault) as caught:
        found("twins", "a")
    assert caught.value.exit_code == REFUSED
    assert "http://10.0.0.1:81, http://10.0.0.1:82" in caught.value.message
    assert "'a*'" in caught.value.remedy
    assert len(found("twins", "a*")) == 2


def test_balancers() -> None:
    """
    Balancers are meant by name or pattern, all when none is named.
    """
    assert len(find_balancers(SERVICE, ())) == 3
    assert [each["name"] for each in find_balancers(SERVICE, ("tw*", "two"))] == ["two", "twins"]
    with pytest.raises(Fault, match=r"no balancer shp; use shop, .*did you mean shop") as caught:
        find_balancers(SERVICE, ("shp",))
    assert caught.value.exit_code == UNKNOWN
    with pytest.raises(Fault, match="no balancer shp; there is none"):
        find_balancers({"balancers": []}, ("shp",))


def test_names_of_odd_urls() -> None:
    """
    A URL that has no host and port is only meant by itself and its route.
    """
    assert names({"url": "http://h:x", "route": "r"}) == ("http://h:x", "r", "", "")
    assert names({"url": "https://h", "route": ""}) == ("https://h", "", "h:443", "h")


def test_short() -> None:
    """
    Only what is usual is left out.
    """
    assert short("http://a:1") == "a:1"
    assert short("https://a:1") == "https://a:1"

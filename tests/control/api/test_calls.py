"""
Reports and commands over HTTP.
"""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.control.api.asking import Asker
from txbalancer.core import flags
from txbalancer.core.commands import AddMember
from txbalancer.core.specs import MemberSpec

FIRST = quote("http://10.0.0.1", "")
MEMBER = "/balancers/shop/members/a"


def test_what_there_is() -> None:
    """
    The service, balancers and members are told, each at its path.
    """
    asker = Asker()
    service = asker.get("/")
    assert [each["name"] for each in service["balancers"]] == ["shop", "two"]
    assert asker.headers["content-type"] == "application/json"
    assert asker.headers["cache-control"] == "no-store"
    assert len(asker.get("/balancers")["balancers"]) == 2
    assert asker.get("/balancers/shop")["name"] == "shop"
    members = asker.get("/balancers/shop/members")["members"]
    assert [each["route"] for each in members] == ["a", "b"]


@pytest.mark.parametrize(
    "name", [FIRST, "a", "10.0.0.1:80", "10.0.0.1", "HTTP%3A%2F%2F10.0.0.1%3A80", "10.0.0.1/"]
)
def test_names_of_members(name: str) -> None:
    """
    A member is named by its URL, however it is spelt, by its route or its place.
    """
    asker = Asker()
    assert asker.get(f"/balancers/shop/members/{name}")["url"] == "http://10.0.0.1"
    assert asker.status == 200


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/balancers/shpo", 404, "did you mean shop"),
        ("/balancers/shop/members/c", 404, "shop has no member 'c'; use a, b"),
        ("/balancers/shop/members/%FF", 404, "no member"),
        ("/balancer", 404, "there is no /balancer in the API (did you mean /balancers?)"),
        ("/balancers/shop/member", 404, "there is no /balancers/shop/member in the API"),
        ("/balancers?x=1", 400, "x: is not known here"),
        ("/bm/api/v2/", 404, "there is no API v1 here"),
        ("/bm/api", 404, "there is no API v1 here"),
    ],
)
def test_what_is_not_there(path: str, status: int, told: str) -> None:
    """
    What is not there is told with what is.
    """
    asker = Asker()
    problem = asker.get(path)
    assert asker.status == problem["status"] == status
    assert asker.headers["content-type"] == "application/problem+json"
    assert told in problem["detail"]


def test_a_name_of_two() -> None:
    """
    A route of two members names neither.
    """
    asker = Asker()
    asker.ask("PATCH", "/balancers/shop/members/b", {"route": "a"})
    problem = asker.get("/balancers/shop/members/a")
    assert asker.status == 409
    assert problem["detail"] == "'a' may be http://10.0.0.1 or http://10.0.0.10:8080/app"


def test_a_member_is_changed() -> None:
    """
    What is named is changed, all else stays, and the answer shows what came of it.
    """
    asker = Asker()
    found = asker.ask(
        "PATCH",
        MEMBER,
        {"loadfactor": 2.5, "route": "z", "drain": True, "hcmethod": "get", "hcinterval": "1min"},
    )
    assert asker.status == 200
    member = asker.member()
    assert (member.lbfactor, member.route, member.lbset) == (250, b"z", 0)
    assert member.flags & flags.DRAIN
    assert (member.spec.hcmethod, member.spec.hcinterval, member.spec.hcuri) == ("get", 60.0, "/")
    assert found["loadfactor"] == 2.5
    assert found["change"]["before"]["route"] == "a"
    assert found["change"]["after"]["route"] == "z"
    assert found["warning"] == "shop has no member in use now"
    asker.ask("PATCH", "/balancers/shop/members/z", {"drain": False})
    assert not asker.member().flags & flags.DRAIN


def test_an_error_is_ended() -> None:
    """
    C{error} can be taken away, not set.
    """
    asker = Asker()
    asker.rig.balancer().force_error(asker.member(), "test", asker.board.now())
    asker.ask("PATCH", MEMBER, {"error": True})
    assert asker.status == 400
    asker.ask("PATCH", MEMBER, {"error": False})
    assert not asker.member().flags & flags.IN_ERROR


def test_a_factor_for_some_time() -> None:
    """
    With C{lasting} the former factor comes back.
    """
    asker = Asker()
    found = asker.ask("PATCH", MEMBER, {"loadfactor": 5, "lasting": "2min"})
    assert found["temporary"]["loadfactor"] == 1.5
    assert found["temporary"]["until"] == pytest.approx(asker.board.wall() + 120)
    asker.ask("PATCH", MEMBER, {"lasting": 60})
    assert asker.status == 400
    asker.rig.advance(121)
    assert asker.get(MEMBER)["loadfactor"] == 1.5


def test_faults_of_a_change() -> None:
    """
    Every field at fault is told, and nothing is changed.
    """
    asker = Asker()
    problem = asker.ask("PATCH", MEMBER, {"loadfactor": 0, "lbset": 3, "hcexpr": "none", "x": 1})
    assert asker.status == 400
    assert [each["field"] for each in problem["errors"]] == ["loadfactor", "hcexpr", "x"]
    assert asker.member().lbset == 0
    asker.ask("PATCH", MEMBER, {})
    assert asker.status == 400
    asker.ask("PATCH", MEMBER, b"")
    assert asker.status == 400


def test_a_balancer_is_changed() -> None:
    """
    Options are set, unset by null, and given up by a revert.
    """
    asker = Asker()
    path = "/balancers/shop"
    asker.ask("PATCH", path, {"lbmethod": "bybusyness", "timeout": "5s", "stickysession": None})
    spec = asker.rig.balancer().spec
    assert (spec.lbmethod, spec.timeout, spec.stickysession) == ("bybusyness", 5.0, None)
    found = asker.ask("PATCH", path, {"maxattempts": 3, "stickysession": "X|y"})
    assert found["options"]["stickysession"] == "X|y"
    assert found["options"]["maxattempts"] == "3"
    problem = asker.ask("PATCH", path, {"lbmethod": "bybusines"})
    assert "did you mean bybusyness" in problem["detail"]
    assert asker.ask("POST", f"{path}/revert", {})["overrides"] == []
    assert asker.rig.balancer().spec.lbmethod == "byrequests"


def test_members_come_and_go() -> None:
    """
    A member is added with any option, found at its Location, removed, put back by undo.
    """
    asker = Asker()
    path = "/balancers/shop/members"
    found = asker.ask(
        "POST", path, {"url": "http://10.0.0.7:81", "retry": 3, "max": 9, "disabled": True}
    )
    assert asker.status == 201
    assert asker.headers["location"] == quote("http://10.0.0.7:81", "")
    assert found["added"] is True
    spec = asker.member("http://10.0.0.7:81").spec
    assert (spec.retry, spec.max, bool(spec.status & flags.DISABLED)) == (3.0, 9, True)
    asker.ask("POST", path, {"url": "http://10.0.0.7:81"})
    assert asker.status == 409
    assert asker.ask("DELETE", f"{path}/{asker.headers.get('x', '10.0.0.7')}")["change"]
    asker.get(f"{path}/10.0.0.7")
    assert asker.status == 404
    found = asker.ask("POST", "/undo", {"balancer": "shop"})
    assert found["member"] == "http://10.0.0.7:81"
    assert asker.get(f"{path}/10.0.0.7")["pool"]["limit"] == 9


def test_room_is_bounded() -> None:
    """
    Where C{growth} is used up, a new member is a conflict that names the remedy.
    """
    asker = Asker()
    for number in range(3):
        url = f"http://10.0.1.{number}"
        problem = asker.ask("POST", "/balancers/shop/members", {"url": url})
    assert asker.status == 409
    assert "growth = 2" in problem["detail"]
    assert "raise growth" in problem["remedy"]


def test_files_are_not_for_a_new_member() -> None:
    """
    What names files of this machine is for the configuration only.
    """
    asker = Asker()
    url, key = "https://10.0.0.7", "sslproxymachinecertificatefile"
    problem = asker.ask("POST", "/balancers/shop/members", {"url": url, key: "/etc/shadow"})
    assert asker.status == 400
    assert problem["errors"][0]["field"] == key


def test_a_member_that_was_removed_comes_back_as_configured() -> None:
    """
    Adding it needs no more than its URL.
    """
    asker = Asker()
    asker.ask("DELETE", "/balancers/shop/members/b")
    found = asker.ask("POST", "/balancers/shop/members", {"url": "http://10.0.0.10:8080/app"})
    assert (found["route"], found["added"], found["status"]["letters"]) == ("b", False, "OD")


def test_a_sources_member_that_was_removed_needs_no_room() -> None:
    """
    Where C{growth} leaves none for others, it can be brought back all the same.
    """
    asker = Asker()
    board, url = asker.rig.targets.steering, "http://10.0.0.7"
    board.apply(AddMember("shop", MemberSpec(url, "http", "10.0.0.7", 80), "file:/m"), "file:/m")
    for number in (1, 2):
        asker.ask("POST", "/balancers/shop/members", {"url": f"http://10.0.1.{number}"})
    asker.ask("DELETE", f"/balancers/shop/members/{quote(url, '')}")
    shop = asker.get("/balancers/shop")
    assert shop["removed"] == [url]
    assert shop["dismissed"] == [{"url": url, "source": "file:/m"}]
    asker.ask("POST", "/balancers/shop/members", {"url": "http://10.0.1.3"})
    assert asker.status == 409
    found = asker.ask("POST", "/balancers/shop/members", {"url": url})
    assert (asker.status, found["source"], found["added"]) == (201, "file:/m", False)


def test_tags() -> None:
    """
    A change for another state than that of now is refused, and told what is now.
    """
    asker = Asker()
    asker.get(MEMBER)
    tag = asker.headers["etag"]
    assert asker.get(MEMBER, If_None_Match=tag) is None
    assert asker.status == 304
    assert asker.headers["etag"] == tag
    asker.ask("PATCH", MEMBER, {"lbset": 1}, If_Match=tag)
    assert asker.status == 200
    now = asker.headers["etag"]
    assert now != tag
    asker.ask("PATCH", MEMBER, {"lbset": 2}, If_Match=tag)
    assert asker.status == 412
    assert asker.headers["etag"] == now
    asker.ask("DELETE", MEMBER, If_Match=tag)
    assert asker.status == 412
    asker.ask("PATCH", "/balancers/shop", {"timeout": 3}, If_Match='"other"')
    assert asker.status == 412
    asker.ask("PATCH", MEMBER, {"lbset": 2}, If_Match="*")
    assert asker.status == 200


def test_methods() -> None:
    """
    HEAD is GET without a body; OPTIONS and 405 tell what there is.
    """
    asker = Asker()
    assert asker.ask("HEAD", MEMBER) is None
    assert asker.status == 200
    assert int(asker.headers["content-length"]) > 100
    asker.ask("OPTIONS", MEMBER)
    assert (asker.status, asker.headers["allow"]) == (204, "GET, PATCH, DELETE, HEAD, OPTIONS")
    assert "access-control-allow-origin" not in asker.headers
    asker.ask("PUT", MEMBER, {})
    assert (asker.status, asker.headers["allow"]) == (405, "GET, PATCH, DELETE, HEAD, OPTIONS")
    asker.get(MEMBER, Accept="text/html")
    assert asker.status == 406


@pytest.mark.parametrize("name", ["Accept", "Origin", "Sec-Fetch-Site", "If-Match", "Content-Type"])
def test_headers_that_are_no_text(name: str) -> None:
    """
    Bytes that are no UTF-8 in a header are as any other wrong value of it.
    """
    asker = Asker()
    end = asker.rig.client("192.0.2.1")
    path = b"/bm/api/v1/balancers/shop/members/http%3A%2F%2F10.0.0.1"
    lines = {"Host": b"lb.test", "Content-Type": b"application/json", "Content-Length": b"12"}
    lines[name] = b'"\xb2\xff"'
    head = b"".join(b"%b: %b\r\n" % (key.encode(), value) for key, value in lines.items())
    end.send(b'PATCH %b HTTP/1.1\r\n%b\r\n{"lbset": 12}' % (path, head))
    assert end.taken().startswith(b"HTTP/1.1 4")
    assert asker.member().lbset == 0


def test_many_unknown_fields() -> None:
    """
    A body full of unknown fields is refused without a search for each.
    """
    asker = Asker()
    found = asker.ask("PATCH", MEMBER, {f"lbse{each}": 1 for each in range(20)})
    assert asker.status == 400
    assert sum("did you mean lbset" in each["text"] for each in found["errors"]) == 10


def test_types_of_bodies() -> None:
    """
    Only JSON is read, and an object has to be sent even where it says nothing.
    """
    asker = Asker()
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        asker.ask("POST", "/undo", {}, Content_Type=kind)
        assert asker.status == 415
    asker.ask("POST", "/undo")
    assert asker.status == 415
    asker.ask("POST", "/undo", b'{"balancer":"' + b"x" * 70000 + b'"}')
    assert asker.status == 413


def test_nothing_to_undo_and_no_file() -> None:
    """
    What cannot be done now is a conflict in words.
    """
    asker = Asker()
    assert "nothing is left to undo" in asker.ask("POST", "/undo", {})["detail"]
    assert asker.status == 409
    assert "no configuration file" in asker.ask("POST", "/reload", {})["detail"]
    assert asker.status == 409
    assert "cannot be asked" in asker.ask("POST", f"{MEMBER}/probe", {})["detail"]
    assert asker.status == 409
    asker.ask("POST", "/undo", {"balancer": "none"})
    assert asker.status == 404


def test_sessions_and_probes() -> None:
    """
    What sessions do is told of each member, as are its last probes.
    """
    asker = Asker()
    found = asker.get("/sessions")["sessions"]
    assert [(each["balancer"], each["route"]) for each in found] == [
        ("shop", "a"),
        ("shop", "b"),
        ("two", ""),
    ]
    assert asker.get(f"{MEMBER}/probes") == {"probes": []}


def test_a_revert_of_a_member() -> None:
    """
    A member is as configured again; one that was added has no such state.
    """
    asker = Asker()
    asker.ask("PATCH", MEMBER, {"lbset": 5})
    assert asker.ask("POST", f"{MEMBER}/revert", {})["overrides"] == []
    asker.ask("POST", "/balancers/shop/members", {"url": "http://10.0.0.9"})
    assert (
        "not in the configuration"
        in asker.ask("POST", "/balancers/shop/members/10.0.0.9/revert", {})["detail"]
    )


def test_the_description() -> None:
    """
    Every path is described, at the place where it was asked for.
    """
    found = Asker().get("/openapi.json")
    assert found["openapi"].startswith("3.1")
    assert found["servers"] == [{"url": "/bm/api/v1"}]
    patch = found["paths"]["/balancers/{balancer}/members/{member}"]["patch"]
    schema = patch["requestBody"]["content"]["application/json"]["schema"]
    assert schema["properties"]["loadfactor"]["maximum"] == 100
    assert "get" in schema["properties"]["hcmethod"]["enum"]
    assert schema["properties"]["hcexpr"]["enum"] == ["", "ok2"]
    names = [
        each["operationId"]
        for path in found["paths"].values()
        for each in path.values()
        if isinstance(each, dict)
    ]
    assert len(names) == len(set(names))

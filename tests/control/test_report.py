"""
What is told of a running service.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.services.worlds import OK, World
from txbalancer.config.members import make_member, parse_url
from txbalancer.control.api.writing import write_json
from txbalancer.control.report import balancer_report, member_report, service_report
from txbalancer.control.slices import Steps, at_once
from txbalancer.core import flags
from txbalancer.core.commands import AddMember, RemoveMember, SetBalancer, SetMember
from txbalancer.core.health import ProbeResult

TEXT = """
[txbalancer]
access-log = off
control = off
state =
[listener:web]
endpoint = tcp:80
[balancer:shop]
growth = 2
members =
    http://10.0.0.1 route=a max=3
    http://10.0.0.2 route=b hcmethod=GET
[balancer:two]
members = http://10.0.0.3
[mount:/]
to = balancer://shop/
"""


def told(report: Steps[dict[str, Any]]) -> dict[str, Any]:
    """
    Return a report as it is written.
    """
    return json.loads(at_once(write_json(at_once(report))))


def world() -> World:
    """
    Start a service.
    """
    return World(TEXT).start()


def test_a_report_is_json() -> None:
    """
    All of it is made of JSON's types, without numbers that JSON does not have.
    """
    here = world()
    here.advance(12)
    found = told(service_report(here.service.targets.steering))
    json.dumps(found, allow_nan=False)
    assert [each["name"] for each in found["balancers"]] == ["shop", "two"]
    assert found["listeners"][0]["endpoints"] == ["tcp:80"]
    assert found["state_file"] is None
    assert found["last_event"] >= 1


def test_what_was_served_adds_up() -> None:
    """
    A request is in the sums of its listener, balancer and member; one under way is in flight.
    """
    here = world()
    client = here.client(request=b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    board = here.service.targets.steering
    (first,) = here.openings()
    assert told(balancer_report(board, "shop"))["requests"]["in_flight"] == 1
    assert member_report(board, "shop", "http://10.0.0.1")["pool"]["connecting"] == 1
    member = first.accept()
    member.send(OK)
    assert client.taken().endswith(b"ok")
    here.advance(5)
    found = told(service_report(board))
    shop = found["balancers"][0]
    one = shop["members"][0]
    for each in (found, found["listeners"][0], shop, one):
        assert each["requests"]["total"] == each["requests"]["classes"]["2xx"] == 1
        assert each["requests"]["bytes_out"] == 2
    assert shop["requests"]["in_flight"] == one["busy"] == 0
    assert one["pool"] == {"idle": 1, "busy": 0, "connecting": 0, "limit": 3, "waiting": 0}
    assert one["history"]["requests"][-1] == 1
    assert one["rate"] > 0
    assert one["times"]["p50"] is not None
    assert found["connections"] == found["listeners"][0]["connections"] == 1


def test_what_was_changed_is_told() -> None:
    """
    Options that are not as configured, members that came and went, and drains are told.
    """
    here = world()
    board = here.service.targets.steering
    board.apply(SetBalancer("shop", lbmethod="bybusyness"), "me")
    board.apply(SetMember("shop", "http://10.0.0.1", loadfactor=250, on=flags.DRAIN), "me")
    board.apply(RemoveMember("shop", "http://10.0.0.2"), "me")
    board.apply(AddMember("shop", make_member(parse_url("http://10.0.0.9"), {})), "me")
    shop = told(balancer_report(board, "shop"))
    assert shop["overrides"] == [
        {"option": "lbmethod", "configured": "byrequests", "live": "bybusyness"}
    ]
    assert shop["removed"] == ["http://10.0.0.2"]
    assert shop["room"] == 2
    one, added = shop["members"]
    assert one["loadfactor"] == 2.5
    assert {each["option"] for each in one["overrides"]} == {"loadfactor", "status"}
    assert one["status"]["letters"] == "ON"
    assert one["status"]["tone"] == "watch"
    assert one["drain"]["busy"] == 0
    assert one["drain"]["since"] is not None
    assert added["added"] is True
    assert added["drain"] is None


@pytest.mark.parametrize(("balancer", "member"), [("shopp", ""), ("shop", "http://10.0.0.8")])
def test_what_is_not_there_is_not_told(balancer: str, member: str) -> None:
    """
    Names that nobody has are errors that say so.
    """
    board = world().service.targets.steering
    with pytest.raises(LookupError, match="shop"):
        member_report(board, balancer, member)


def test_health() -> None:
    """
    The last check is told with its words and time.
    """
    here = world()
    board = here.service.targets.steering
    assert member_report(board, "shop", "http://10.0.0.2")["health"]["last"] is None
    here.advance(1)
    board.resource("shop").checked("http://10.0.0.2", ProbeResult(False, "status 503", 0.25))
    found = member_report(board, "shop", "http://10.0.0.2")["health"]
    assert found["method"] == "get"
    assert (found["last"]["passed"], found["last"]["text"]) == (False, "status 503")
    assert found["last"]["seconds"] == 0.25
    assert abs(found["last"]["when"] - board.wall()) < 1

"""
The balancer and the member that a path names.
"""

from __future__ import annotations

from txbalancer.config.members import parse_url
from txbalancer.config.suggest import choose_from
from txbalancer.control.api.problem import Problem
from txbalancer.control.manager.board import Board
from txbalancer.core.balancer import Balancer
from txbalancer.core.member import Member


def find_balancer(board: Board, names: tuple[str, ...], name: str) -> Balancer:
    """
    Find a balancer among those that may be seen.

    @raise Problem: 404, with what there is.
    """
    wanted = name.lower()
    if wanted in names:
        return board.balancer(wanted)
    raise Problem(404, f"there is no balancer {name!r}{choose_from(name, names)}")


def find_member(balancer: Balancer, name: str) -> Member:
    """
    Find a member by its URL, however spelt, its route, or HOST:PORT.

    @raise Problem: 404, with what there is; 409 when several are meant.
    """
    for found in (_by_url(balancer, name), _by_label(balancer, name)):
        if len(found) == 1:
            return found[0]
        if found:
            urls = " or ".join(each.name for each in found)
            raise Problem(409, f"{name!r} may be {urls}", "name it by its URL, percent-encoded")
    known = [each.name for each in balancer.members]
    known += [each.route.decode() for each in balancer.members if each.route]
    raise Problem(404, f"{balancer.spec.name} has no member {name!r}{choose_from(name, known)}")


def _by_url(balancer: Balancer, name: str) -> list[Member]:
    try:
        url = parse_url(name).url
    except ValueError:
        return []
    return [each for each in balancer.members if each.name == url]


def _by_label(balancer: Balancer, name: str) -> list[Member]:
    routes = [each for each in balancer.members if each.route and each.route == name.encode()]
    return routes or [each for each in balancer.members if name.lower() in _places(each)]


def _places(member: Member) -> tuple[str, ...]:
    spec = member.spec
    host = f"[{spec.host}]" if ":" in spec.host else spec.host
    return () if spec.socket else (f"{host}:{spec.port}", host)

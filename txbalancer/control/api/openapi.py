"""
The description of the API for programs, made of the same routes and shapes that serve it.

Source: OpenAPI Specification 3.1.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from txbalancer import __version__
from txbalancer.control.api.call import Operation, Route
from txbalancer.control.api.problem import CONTENT_TYPE
from txbalancer.control.api.schemas import SCHEMAS, ref
from txbalancer.control.manager.board import Board

_DESCRIPTION = """\
Reports and commands. A member is named by its URL, percent-encoded, or by its route or
HOST:PORT where only one has it. Seconds and bytes throughout; spans in requests may be text
with a unit, such as 10min. What goes wrong is told as problem+json."""

Described = dict[str, Any]


def describe(
    board: Board, names: tuple[str, ...], routes: tuple[Route, ...], base: str
) -> Described:
    """
    Return the description.

    @param names: the balancers that may be seen.
    @param base: path of the API.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "txbalancer",
            "version": __version__,
            "description": _DESCRIPTION,
        },
        "servers": [{"url": base}],
        "paths": {each.template: _path(each, board, names) for each in routes},
        "components": {"schemas": SCHEMAS},
    }


def _path(route: Route, board: Board, names: tuple[str, ...]) -> Described:
    found: Described = {
        method.lower(): _operation(operation, board)
        for method, operation in route.operations.items()
    }
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1},
            "examples": _examples(name, board, names),
        }
        for name in re.findall(r"\{(\w+)\}", route.template)
    ]
    return {"parameters": parameters, **found} if parameters else found


def _examples(name: str, board: Board, names: tuple[str, ...]) -> Described:
    if name == "balancer":
        values = names[:1]
    else:
        members = [each for its in names[:1] for each in board.balancer(its).members]
        values = tuple(each.name for each in members[:1])
    return {quote(each, ""): {"value": each} for each in values}


def _operation(operation: Operation, board: Board) -> Described:
    found: Described = {
        "operationId": operation.name,
        "summary": operation.summary,
        "responses": _responses(operation),
    }
    if operation.more:
        found["description"] = operation.more
    parameters = [
        {"name": name, "in": "query", "schema": shape.schema}
        for name, shape in operation.query.shapes.items()
    ]
    if operation.tagged:
        header = "If-Match" if operation.changes else "If-None-Match"
        parameters.append({"name": header, "in": "header", "schema": {"type": "string"}})
    if parameters:
        found["parameters"] = parameters
    if operation.fields is not None:
        schema = operation.fields(board).schema
        found["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }
    return found


def _responses(operation: Operation) -> Described:
    found: Described = {str(operation.status): _good(operation)}
    statuses = {400, 401, 403, 404, 406, *operation.problems}
    if operation.fields is not None:
        statuses |= {413, 415}
    if operation.tagged:
        statuses |= {412} if operation.changes else set()
        if not operation.changes:
            found["304"] = {"description": "It is as the sender knows it."}
    statuses |= {409}
    for status in sorted(statuses):
        found[str(status)] = {
            "description": "A problem.",
            "content": {CONTENT_TYPE: {"schema": ref("Problem")}},
        }
    return found


def _good(operation: Operation) -> Described:
    schema = ref(operation.answer)
    found: Described = {
        "description": operation.summary,
        "content": {
            media: {"schema": schema if media == "application/json" else {"type": "string"}}
            for media in operation.media
        },
    }
    if operation.links:
        found["links"] = {
            name: {
                "operationId": name,
                "parameters": {
                    "path.balancer": "$request.path.balancer",
                    "path.member": "$response.body#/url",
                },
            }
            for name in operation.links
        }
    if operation.tagged:
        found["headers"] = {"ETag": {"schema": {"type": "string"}}}
    return found

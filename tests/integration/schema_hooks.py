"""
What schemathesis has to know of the API that JSON Schema cannot say; loaded by its command line.
"""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import strategies as st

from txbalancer.core import specs
from txbalancer.core.overrides import show
from txbalancer.core.specs import MemberSpec

_URLS = st.builds(
    "http{}://{}{}{}".format,
    st.sampled_from(["", "s"]),
    st.sampled_from(["10.9.8.7", "member.test", "[2001:db8::1]"]),
    st.integers(1, 65535).map(":{}".format) | st.just(""),
    st.sampled_from(["", "/app"]),
)

schemathesis.openapi.format("member-url", _URLS)
schemathesis.openapi.format("span", st.sampled_from(["1s", "30s", "10min", "2h", "1500ms"]))
schemathesis.openapi.format("size", st.sampled_from(["512", "4K", "8192B", "64k"]))
schemathesis.openapi.format("balancer-name", st.sampled_from(["shop", "two", "none"]))
schemathesis.openapi.format("option-stickysession", st.sampled_from(["A", "A|b"]))
schemathesis.openapi.format("option-route", st.from_regex(r"[a-z0-9._]{0,9}", fullmatch=True))
schemathesis.openapi.format("option-redirect", st.sampled_from(["", "a", "b"]))
schemathesis.openapi.format("option-hcuri", st.sampled_from(["", "/", "/health?full=1"]))

for _name, _option in specs.options(MemberSpec):
    if _name not in ("route", "redirect", "hcuri"):
        _value = show(_option, _option.modern)
        if isinstance(_value, str):
            schemathesis.openapi.format(f"option-{_name}", st.just(_value))


@schemathesis.hook
def map_query(context: Any, query: Any) -> Any:
    """
    Wait for events only shortly.
    """
    if query and isinstance(query.get("wait"), int | float) and 0 < query["wait"] <= 60:
        query["wait"] = 0.01
    return query


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """
    Whoever changes something knows what is there.
    """
    if case.headers and "If-Match" in case.headers:
        case.headers["If-Match"] = "*"


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: Any) -> Any:
    """
    Ask about what is there, two times of three.
    """
    if path_parameters:
        for name, known in (("balancer", "shop"), ("member", "a")):
            text = path_parameters.get(name)
            if isinstance(text, str) and len(text) % 3:
                path_parameters[name] = known
    return path_parameters

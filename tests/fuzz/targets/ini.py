"""
INI files: loaded, or all faults with their lines; what is loaded is written so that it is the same.
"""

from __future__ import annotations

from tests.fuzz import sandbox
from tests.fuzz.reasons import check_reason
from txbalancer.config import loads
from txbalancer.config.ini import is_ini
from txbalancer.config.render import render
from txbalancer.core import specs
from txbalancer.core.specs import (
    BalancerSpec,
    GlobalSpec,
    LimitSpec,
    ListenerSpec,
    MemberSpec,
    MountSpec,
    SourceSpec,
)
from txbalancer.errors import ConfigErrors
from txbalancer.services.plugins import load_registry

_WHOLE = b"""[txbalancer]
workers = 2
state = s.json
hcexpr = ok %{REQUEST_STATUS} =~ /^2/
[listener:web]
endpoint = tcp:8080
[balancer:shop]
lbmethod = bytraffic
stickysession = A|b
members =
    http://127.0.0.1:9001 route=a loadfactor=2
    https://127.0.0.1:9002/x status=+H hcmethod=get hcuri=/up hcexpr=ok
[mount:/app]
to = balancer://shop/
require = ip 10.0.0.0/8
"""
SEEDS = [
    _WHOLE,
    b"[listener:t]\nendpoint = tcp:1\nmode = tcp\nto = balancer://b\n"
    b"[balancer:b]\nmembers = tcp://h:1\n",
    b"[listener:a]\nendpoint = tcp:1\n[mount:/]\n"
    b"to = redirect:https://$host/\nhost = a.test *.b.test\n",
    b"[limit:l]\nrate = 5/s\nburst = 20\nkey = header:X-Key\n[listener:a]\nendpoint = tcp:1\n"
    b"[balancer:b]\ndiscover = dns+http://a.test:81 interval=5s loadfactor=2\n"
    b"    https://c.test/m.json token-file=/t\n[mount:/]\nto = balancer://b/\nlimit = l\n",
    b"[log:x]\nto = - format=json\nclient = 10.0.0.0/8\n"
    b"[listener:a]\nendpoint = unix:/a\n[mount:/]\nto=!\n",
]
_SPECS = (
    *(BalancerSpec, GlobalSpec, ListenerSpec, MemberSpec, MountSpec),
    *(LimitSpec, SourceSpec),
)
WORDS = [
    *(option.name.encode() + b" = " for spec in _SPECS for _, option in specs.options(spec)),
    *b"[txbalancer]|[listener:|[balancer:|[mount:|[log:|[hctemplate:|[limit:".split(b"|"),
    *b"discover = |dns+http://|srv+https://_a._tcp.|file:/|limit = |100/s|10/min|key = ".split(
        b"|"
    ),
    *b"header:|cookie:|priority = |queue-key = ".split(b"|"),
    *b"]\n|\n    |;|#|\\;".split(b"|"),
    *b"balancer://|http://h:1|ajp://h|fcgi://h:9/|tcp:|ssl:|unix:|systemd:|status:404".split(b"|"),
    *b"redirect:|manager:|metrics:|!|on|off|5s|10M|path = |match = |to = |members = ".split(b"|"),
]
REGISTRY = load_registry()


def check(text: str, lenient: bool = False) -> None:
    """
    Load a text of either syntax, and what is written of what it says.
    """
    with sandbox.shut():
        try:
            found = loads(text, REGISTRY, path="f", lenient=lenient)
        except ConfigErrors as errors:
            _check_faults(errors, text.count("\n") + 1)
            return
        assert all(isinstance(each, str) for each in found.warnings)
        again = loads(render(found.spec), REGISTRY, path="again").spec
        assert again == found.spec, "what is written is not what was read"
        whole = loads(render(found.spec, defaults=True), REGISTRY, path="whole").spec
        assert whole == found.spec, "with all defaults it is not what was read"


def _check_faults(refused: ConfigErrors, lines: int) -> None:
    for each in refused.errors:
        check_reason(each)
        assert each.path != "f" or 0 <= each.line <= lines
    check_reason(refused)


def one(data: bytes) -> None:
    """
    Load it, if it is INI at all and text.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return
    if is_ini(text):
        check(text)

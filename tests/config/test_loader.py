"""
Whole files: every fault at once, and what a good one becomes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.config import Complaint, load, loader, loads
from txbalancer.core import specs
from txbalancer.core.specs import Option, ServiceSpec
from txbalancer.errors import ConfigErrors

from .helpers import BALANCER, LISTENER, MOUNT, REGISTRY, errors, good

GOOD = f"""\
[txbalancer]
graceful-timeout = 5

{LISTENER}
{BALANCER}lbmethod = HASH
hashkey = cookie:id
stickysession = A|b
failonstatus = 500,503
maxattempts = 2

{MOUNT}
"""


def test_a_good_file(tmp_path: Path) -> None:
    """
    A file becomes a spec, and lists nothing to warn of.
    """
    path = tmp_path / "conf.ini"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    loaded = load(str(path), REGISTRY)
    spec = loaded.spec
    assert spec.service.graceful_timeout == 5.0
    assert [each.name for each in spec.listeners] == ["web"]
    (shop,) = spec.balancers
    assert (shop.lbmethod, shop.hashkey, shop.maxattempts) == ("hash", "cookie:id", 2)
    assert shop.stickysession == specs.StickyNames("A", "b")
    assert shop.failonstatus == {500, 503}
    assert spec.mounts[0].target == specs.ToBalancer("shop", "/")
    assert loaded.warnings == [
        f"{path}:11: [balancer:shop] stickysession: has no effect: no member has a route"
    ]


def test_every_fault_at_once_in_line_order() -> None:
    """
    Faults of all sections come together, by line.
    """
    text = (
        "[mount:/a]\nto = balancer://shop/\n"
        "[txbalancer:x]\nworkers = many\naccept = /x\nacces-log = -\nlbmethod = hash\n"
        "[listner:web]\nendpoint = tcp:1\n"
        "[balancer:shp]\nmembers = http://h\nlbmethod = byrequest\nlbset = x\n"
        "stickyscheme = lerned\nlisteners = 2\nmode = http\n"
        "[listener:web]\nmode = sctp\nendpoint = tcp:1\ngraceful-timeout = 5m\n"
    )
    assert errors(text) == [
        "f:2: [mount:/a] to: no [balancer:shop]; use shp (did you mean shp?)",
        "f:3: [txbalancer:x] [txbalancer] takes no name",
        "f:4: [txbalancer:x] workers: 'many' is neither auto nor a whole number from 0 to 512",
        "f:5: [txbalancer:x] accept: is not known here",
        "f:6: [txbalancer:x] acces-log: is not known here (did you mean access-log?)",
        "f:7: [txbalancer:x] lbmethod: does not belong here, but in [balancer:NAME]",
        "f:8: [listner:web] the section is not known (did you mean listener?)",
        "f:12: [balancer:shp] lbmethod: 'byrequest' is not known; use byrequests, bytraffic, "
        "byudp or hash (did you mean byrequests?)",
        "f:13: [balancer:shp] lbset: 'x' is not a whole number from 0 to 99",
        "f:14: [balancer:shp] stickyscheme: 'lerned' is not known; use learned "
        "(did you mean learned?)",
        "f:15: [balancer:shp] listeners: is not known here",
        "f:16: [balancer:shp] mode: does not belong here, but in [listener:NAME]",
        "f:18: [listener:web] mode: 'sctp' is not allowed: use http or tcp or udp",
        "f:20: [listener:web] graceful-timeout: does not belong here, but in [txbalancer]",
    ]


def test_an_lbmethod_that_needs_what_is_not_there() -> None:
    """
    A method that declares needs is refused where they are not met.
    """
    text = f"{LISTENER}{BALANCER}lbmethod = byudp\n{MOUNT}"
    assert errors(text) == [
        "f:5: [balancer:shop] lbmethod: byudp needs udp, which this version does not offer"
    ]
    assert good(text.replace("byudp", "bytraffic")).spec.balancers[0].lbmethod == "bytraffic"


def test_all_wrong_codes_are_told() -> None:
    """
    A list of status codes names each of its faults.
    """
    text = f"{LISTENER}{BALANCER}failonstatus = 500 5xx 600\n{MOUNT}"
    assert errors(text) == [
        "f:5: [balancer:shop] failonstatus: '5xx', '600' are not status codes from 100 to 599"
    ]


def test_a_value_that_goes_on_by_mistake() -> None:
    """
    A bad value of several lines tells where it goes on.
    """
    text = f"{LISTENER}{BALANCER}maxattempts = 2\n  failontimeout = on\n{MOUNT}"
    assert errors(text) == [
        "f:5: [balancer:shop] maxattempts: '2 failontimeout = on' is not a whole number from 0 to "
        "100 (the value goes on in line 6, which is indented)"
    ]


@pytest.mark.parametrize("text", ["", "\n\n", "; only\n# comments\n", "\ufeff"])
def test_an_empty_file(text: str) -> None:
    """
    A file without sections says what is needed.
    """
    assert errors(text) == ["f: the file is empty; at least a [listener:NAME] is needed"]


def test_no_listener() -> None:
    """
    Without a listener nobody could connect.
    """
    assert errors(BALANCER + MOUNT) == ["f: no listener: a section [listener:NAME] is needed"]


def told(path: Path | str) -> str:
    """
    Load a file that cannot be used, and return what is told.
    """
    with pytest.raises(ConfigErrors) as caught:
        load(str(path), REGISTRY)
    return str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """
    Missing files, folders and impossible names are told plainly.
    """
    missing = tmp_path / "missing.ini"
    assert told(missing) == f"{missing}: cannot be read: No such file or directory"
    assert told(tmp_path) == f"{tmp_path}: cannot be read: Is a directory"
    assert told("a\0b") == "a\0b: cannot be read: embedded null byte"


def test_a_refused_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Whatever reason the system gives for not opening a file is told.
    """

    def refuse(path: str, mode: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(loader, "open", refuse, raising=False)
    assert told("conf.ini") == "conf.ini: cannot be read: Permission denied"


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    """
    A byte that is not UTF-8 is told with its line.
    """
    path = tmp_path / "conf.ini"
    path.write_bytes(b"[listener:web]\nendpoint = tcp:1\n; caf\xe9\n")
    assert told(path) == f"{path}:3: byte 0xe9 is not UTF-8 text"


def test_an_endless_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A file that is no configuration by its size is not read to its end.
    """
    monkeypatch.setattr(loader, "MOST_BYTES", 1 << 20)
    path = tmp_path / "conf.ini"
    path.write_bytes(b";" * ((1 << 20) + 1))
    assert told(path) == f"{path}: is larger than 1 MiB"


@given(st.binary())
def test_any_bytes_are_read_or_told_about(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    """
    No content of a file makes the loader fall over.
    """
    path = tmp_path_factory.getbasetemp() / "any.ini"
    path.write_bytes(data)
    assert told(path).startswith(str(path))


def test_further_checks() -> None:
    """
    Complaints of other layers' checks get a line.
    """

    def check(spec: ServiceSpec) -> Iterator[Complaint]:
        yield "listener:web", "endpoint", "is taken"
        yield "LISTENER:WEB", "tls-key", "does not fit"
        yield "mount:/", "to", "is far away"
        yield "mount:/other", "to", "is nowhere"

    text = GOOD.replace("listener:web", "listener:Web")
    with pytest.raises(ConfigErrors) as caught:
        loads(text, REGISTRY, [check], "f")
    assert str(caught.value).split("\n") == [
        "f: [mount:/other] to: is nowhere",
        "f:4: [LISTENER:WEB] tls-key: does not fit",
        "f:5: [listener:web] endpoint: is taken",
        "f:16: [mount:/] to: is far away",
    ]


def test_further_checks_beside_faults() -> None:
    """
    Checks see what could be read of a file with faults, but no listener whose TLS keys are at
    fault: they would find the same fault again.
    """

    def check(spec: ServiceSpec) -> Iterator[Complaint]:
        yield "txbalancer", "access-log", " ".join(each.name for each in spec.listeners)
        yield "mount:/", "to", " ".join(each.url for each in spec.balancers[0].members)

    text = (
        "[txbalancer]\nworkers = x\naccess-log = y\n[listener:a]\n"
        "[listener:b]\nendpoint = tcp:1\ntls-certificate = /missing\n"
        "[balancer:c]\nmembers =\n  http://h\n  http://i max=x\n  ftp://j\n[mount:/]\nto = ?\n"
    )
    with pytest.raises(ConfigErrors) as caught:
        loads(text, REGISTRY, [check], "f")
    found = [(each.line, each.text) for each in caught.value.errors]
    assert [line for line, _ in found] == [2, 3, 4, 7, 11, 12, 14, 14]
    assert found[1] == (3, "a")
    assert found[-1] == (14, "http://h")


SECTION_OF = {
    specs.GlobalSpec: "[txbalancer]\n{line}\n" + LISTENER + BALANCER + MOUNT,
    specs.ListenerSpec: LISTENER + "{line}\n" + BALANCER + MOUNT,
    specs.BalancerSpec: LISTENER + BALANCER + "{line}\n" + MOUNT,
    specs.MountSpec: LISTENER + BALANCER + MOUNT + "{line}\n",
    specs.MemberSpec: LISTENER + BALANCER + "member.{line}\n" + MOUNT,
}
OPTIONS = [
    pytest.param(spec, attribute, option, id=f"{spec.__name__}.{option.name}")
    for spec in SECTION_OF
    for attribute, option in specs.options(spec)
]


def holder(spec: ServiceSpec, wanted: type) -> object:
    """
    Return the only spec of a class in a configuration.
    """
    (balancer,) = spec.balancers
    everything = [spec.service, *spec.listeners, balancer, *balancer.members, *spec.mounts]
    (found,) = (each for each in everything if isinstance(each, wanted))
    return found


@pytest.mark.parametrize(
    ("spec", "attribute", "option"),
    [each for each in OPTIONS if each.values[2].modern is not None],
)
def test_each_option_reads_its_default(spec: type, attribute: str, option: Option) -> None:
    """
    What the manual shows as the default may be written, and means the default.
    """
    text = SECTION_OF[spec].format(line=f"{option.name} = {option.kind.show(option.modern)}")
    assert getattr(holder(good(text).spec, spec), attribute) == option.modern


@pytest.mark.parametrize(("spec", "attribute", "option"), OPTIONS)
def test_each_option_refuses_junk(spec: type, attribute: str, option: Option) -> None:
    """
    A value that makes no sense names section and key, and has a line.
    """
    text = SECTION_OF[spec].format(line=f"{option.name} = \x01, (,")
    (fault,) = errors(text)
    place, _, rest = fault.partition("] ")
    key, _, reason = rest.partition(": ")
    assert place.startswith("f:")
    assert key in (option.name, f"member.{option.name}")
    assert reason

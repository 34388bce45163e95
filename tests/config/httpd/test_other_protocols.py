"""
AJP and FastCGI members in Apache's syntax.
"""

from __future__ import annotations

import pytest

from tests.config.httpd.reading import errors_of, loaded, spec_of, warnings_of
from txbalancer.core.params import ParamEdit
from txbalancer.core.schemes import is_single_use
from txbalancer.core.specs import MemberSpec, MountSpec, ToMember


def lone(text: str) -> tuple[MountSpec, MemberSpec]:
    """
    Return the one mount of a text, and its member.
    """
    (mount,) = spec_of(text).mounts
    assert isinstance(mount.target, ToMember)
    return mount, mount.target.member


def test_ajp_members() -> None:
    """
    In a balancer and alone, with secret, ping and CPING.
    """
    spec = spec_of(
        "<Proxy balancer://cats>\n"
        "BalancerMember ajp://10.0.0.1 route=a secret=sesam ping=2 hcmethod=CPING\n"
        "BalancerMember unix:/run/ajp.sock|ajp: route=b\n"
        "</Proxy>\nProxyPass /app balancer://cats/app\n"
    )
    first, second = spec.balancers[0].members
    assert (first.scheme, first.host, first.port) == ("ajp", "10.0.0.1", 8009)
    assert (first.secret, first.ping, first.hcmethod) == ("sesam", 2.0, "cping")
    assert not is_single_use(first)
    assert (second.scheme, second.socket) == ("ajp", "/run/ajp.sock")
    mount, member = lone("ProxyPass /x ajp://10.0.0.1:7001/y\n")
    assert (member.port, mount.fcgitype, mount.cgipassauth) == (7001, "fpm", False)


def test_fcgi_members() -> None:
    """
    As people write them for php-fpm; connections are used once, unless told otherwise.
    """
    _, member = lone("ProxyPassMatch ^/(.*\\.php(/.*)?)$ fcgi://127.0.0.1:9000/var/www/$1\n")
    assert (member.scheme, member.path) == ("fcgi", "/var/www/$1")
    assert is_single_use(member)
    _, member = lone("ProxyPass /p fcgi://10.0.0.1/srv enablereuse=on\n")
    assert member.port == 8000
    assert not is_single_use(member)
    _, member = lone('ProxyPass /p "unix:/run/php/php8.2-fpm.sock|fcgi://localhost/var/www/"\n')
    assert (member.socket, member.path) == ("/run/php/php8.2-fpm.sock", "/var/www/")


def test_what_applications_are_told() -> None:
    """
    For all, and in a section.
    """
    mount, _ = lone(
        "ProxyFCGISetEnvIf true A b\n"
        "<Location /p>\nProxyPass fcgi://10.0.0.1/srv\nProxyFCGIBackendType GENERIC\n"
        'CGIPassAuth On\nProxyFCGISetEnvIf "true" WHO "%{REMOTE_ADDR} 5%"\n'
        "ProxyFCGISetEnvIf true !HTTP_ACCEPT\nProxyFCGISetEnvIf true EMPTY\n</Location>\n"
    )
    assert (mount.fcgitype, mount.cgipassauth) == ("generic", True)
    assert mount.fcgiparam == (
        ParamEdit("A", "b"),
        ParamEdit("WHO", "%{REMOTE_ADDR}s 5%%"),
        ParamEdit("HTTP_ACCEPT", None),
        ParamEdit("EMPTY", ""),
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("ProxyFCGISetEnvIf \"reqenv('X') == '1'\" A b", "is not carried over: only true is"),
        ("ProxyFCGISetEnvIf true !A b", "'!A b' must be NAME VALUE, or !NAME"),
        ("ProxyFCGISetEnvIf true A-B c", "'A-B' is not a name"),
        ("ProxyFCGISetEnvIf true A %{NOPE}", "there is no variable 'NOPE'"),
        ("ProxyFCGIBackendType PHP", "'PHP' is not allowed: use fpm or generic"),
        (
            '<Location /p>\nSetHandler "proxy:unix:/run/x.sock|fcgi://localhost/"\n</Location>',
            "use `ProxyPass unix:/run/x.sock|fcgi://localhost/DOCUMENT/ROOT`",
        ),
        (
            "DocumentRoot /srv\n<Directory /srv>\n<FilesMatch \\.php$>\nSetHandler proxy:fcgi://h\n"
            "</FilesMatch>\n</Directory>\nProxyPass / http://h/",
            "f:3: Directory: is not carried over: no files are served here; what they are given to"
            " with SetHandler is a member of its own: ProxyPassMatch ^/(.*\\.php(/.*)?)$ fcgi://",
        ),
        (
            "<Proxy balancer://c>\nBalancerMember ajp://h hcmethod=GET hcuri=/x\n</Proxy>\n"
            "ProxyPass / balancer://c/",
            "ajp://h: hcmethod=get does not ask ajp:// members: use cping or tcp",
        ),
        (
            "<Proxy balancer://c>\nBalancerMember fcgi://h hcmethod=CPING\n</Proxy>\n"
            "ProxyPass / balancer://c/",
            "fcgi://h: hcmethod=cping does not ask fcgi:// members: use tcp",
        ),
    ],
)
def test_faults(text: str, fault: str) -> None:
    """
    What is not carried over says so, with the remedy.
    """
    assert fault in errors_of(f"{text}\n")


def test_what_has_no_effect() -> None:
    """
    Options of other protocols are told.
    """
    (warning,) = warnings_of("ProxyPass / fcgi://h/srv/ ping=1 enablereuse=on\n")
    assert "ping has no effect without HTTP or AJP" in warning
    (warning,) = warnings_of("ProxyPass / ajp://h/ upgrade=ANY\n")
    assert "upgrade has no effect without HTTP" in warning


def test_their_modules_are_here() -> None:
    """
    C{IfModule} holds for both.
    """
    text = "<IfModule mod_proxy_{0}.c>\nProxyPass /{0} {0}://h/\n</IfModule>\n"
    assert len(loaded(text.format("ajp") + text.format("fcgi")).spec.mounts) == 2

"""
Which directives are carried out, and what is said of the others.
"""

from __future__ import annotations

import re

import pytest

from txbalancer.config.findings import Findings
from txbalancer.config.httpd import known
from txbalancer.config.httpd.known import CARRIED, NAMES, OMISSIONS, check_directives, is_carried
from txbalancer.config.httpd.modules import HARMLESS, HERE
from txbalancer.config.httpd.modules_omitted import OF_MODULES
from txbalancer.config.httpd.omitted import GUARDS, UNCHANGED
from txbalancer.config.httpd.preprocess import preprocess
from txbalancer.errors import ConfigErrors

from .test_preprocess import outline


def checked(text: str, *, lenient: bool = False) -> tuple[list[object], list[str], list[str]]:
    """
    Return what is left of a text, the errors and the warnings.
    """
    findings = Findings("f")
    read = preprocess(text, findings)
    assert findings.count == 0
    left = outline(check_directives(read.tree, findings, lenient))
    try:
        findings.raise_errors()
    except ConfigErrors as errors:
        return left, str(errors).split("\n"), findings.warnings()
    return left, [], findings.warnings()


def test_what_is_not_carried_over() -> None:
    """
    It is an error with its line and what to do; for a lenient reader it is left out.
    """
    text = "Listen 80\nRewriteRule a b\n<If true>\nOptions None\n</If>\n"
    left, errors, warnings = checked(text)
    assert left == [["Listen", "80"]]
    assert errors == [
        "f:2: RewriteRule: is not carried over: URLs are not rewritten here; for [P] use ProxyPass "
        "or ProxyPassMatch, for [R] Redirect or RedirectMatch",
        "f:3: If: is not carried over: conditions on requests are not carried over; use "
        "<VirtualHost>, <Location> or <LocationMatch>",
    ]
    assert warnings == []
    left, errors, warnings = checked("CacheEnable disk\nSession On\n", lenient=True)
    assert (left, errors) == ([], [])
    assert [each.partition(": is")[0] for each in warnings] == ["f:1: CacheEnable", "f:2: Session"]
    assert all(each.endswith("; left out") for each in warnings)


def test_many_of_one_kind() -> None:
    """
    Fifty lines of which the same is to be said are told once, with where the others are.
    """
    _, errors, _ = checked("SSIETag a\nSubstitute x\nssietag b\nMacro a\nSubstitute y\n")
    assert [each.partition(": is")[0] for each in errors] == ["f:1: SSIETag", "f:4: Macro"]
    assert errors[0].endswith(" (and 3 more lines of this file: Substitute in 2)")
    _, (error,), _ = checked("SSIETag a\nSSIETag b\n")
    assert error.endswith(" (and 1 more line of this file)")
    names = "SSIETag Substitute InputSed OutputSed XBitHack SSIEndTag SSIErrorMsg SSIStartTag"
    _, (error,), _ = checked("".join(f"{name} x\n" for name in names.split()))
    assert error.endswith(
        "7 more lines of this file: Substitute in 2, InputSed in 3, OutputSed in 4, "
        "XBitHack in 5, SSIEndTag in 6, SSIErrorMsg in 7, …)"
    )


def test_what_no_request_notices() -> None:
    """
    It is a warning, one for all of a reason, lenient or not.
    """
    text = "PidFile a\n<Directory />\nOptions None\n</Directory>\nAddType a .a\nAddType b .b\n"
    expected = [
        "f:1: PidFile: has no effect here: give twistd --pidfile",
        "f:2: Directory: has no effect here: no files are served here; keep a web server for them"
        " as a member (and 2 more lines: AddType)",
    ]
    assert checked(text) == checked(text, lenient=True) == ([], [], expected)
    names = "Alias AddIcon AddType Options DefaultIcon DirectoryIndex FileETag IndexOptions"
    (warning,) = checked("".join(f"{name} x\n" for name in names.split()))[2]
    assert warning.endswith(
        "(and 7 more lines: AddIcon, AddType, Options, DefaultIcon, DirectoryIndex, FileETag, …)"
    )
    (warning,) = checked("Alias /a /b\nAlias /c /d\n")[2]
    assert warning.endswith("(and 1 more line)")


def test_what_keeps_people_out_is_never_left_out() -> None:
    """
    A lenient reader must not open what was closed.
    """
    for text in (
        "<Location /a>\nDeny from all\n</Location>",
        "<Location /a>\n<LimitExcept GET>\nRequire all denied\n</LimitExcept>\n</Location>",
        "SSLRequireSSL",
    ):
        _, errors, warnings = checked(text, lenient=True)
        assert len(errors) == 1
        assert errors[0].endswith("; as it keeps people out, --lenient does not help")
        assert warnings == []
    # Within what is about files nobody can come in anyway.
    assert checked("<Directory />\nDeny from all\n</Directory>", lenient=True)[1] == []


@pytest.mark.parametrize(
    "text",
    [
        "RewriteEngine Off", "HostnameLookups off", "TraceEnable OFF",
        "ServerTokens Prod", "ServerTokens productonly", "ExtendedStatus On",
    ],
)  # fmt: skip
def test_what_is_so_anyway(text: str) -> None:
    """
    A directive that asks for what is so in any case is accepted.
    """
    assert checked(text) == ([], [], [])
    _, errors, warnings = checked(text.rpartition(" ")[0] + " other")
    assert len(errors) + len(warnings) == 1


def test_logs_of_a_lenient_reader() -> None:
    """
    Programs as logs are left out, and conditions of logs.
    """
    text = 'ErrorLog "|prog"\nCustomLog |prog common\nCustomLog a common env=!quiet\nCustomLog b c'
    left, errors, warnings = checked(text, lenient=True)
    assert left == [["CustomLog", "a", "common"], ["CustomLog", "b", "c"]]
    assert (errors, warnings) == (
        [],
        [
            "f:1: ErrorLog: logs are not piped to programs; left out",
            "f:2: CustomLog: logs are not piped to programs; left out",
            "f:3: CustomLog: env=!quiet is not carried over: every request is logged",
        ],
    )
    left, errors, warnings = checked(text)
    assert (len(left), errors, warnings) == (4, [], [])
    assert checked("ErrorLog\n", lenient=True) == ([["ErrorLog"]], [], [])


def test_what_has_no_effect_in_apache_either() -> None:
    """
    C{NameVirtualHost} means nothing since Apache 2.4.
    """
    assert checked("NameVirtualHost *:80\n") == ([], [], [])


def test_an_address_that_only_apaches_pages_show() -> None:
    """
    C{ServerAdmin} stands in nearly every file, and no page here has a place for it.
    """
    assert checked("ServerAdmin webmaster@localhost\n") == ([], [], [])


@pytest.mark.parametrize(
    "text",
    [
        "Order deny,allow\nAllow from all",
        "Order Deny,Allow\nDeny from none\nAllow from all",
        "Order Allow,Deny\nAllow from ALL",
        "Order deny,allow\nDeny from all\nAllow from 10.0.0.0/8 all",
        "Allow from all",
        "Order deny,allow",
    ],
)
def test_old_access_rules_that_let_everybody_in(text: str) -> None:
    """
    Thousands of old files have them, and they keep nobody out: they are accepted.
    """
    section = f"<Proxy *>\n{text}\nRequire all granted\n</Proxy>"
    left, errors, warnings = checked(section)
    assert (left, errors, warnings) == (checked("<Proxy *>\nRequire all granted\n</Proxy>"))


@pytest.mark.parametrize(
    "text",
    [
        "Order deny,allow\nDeny from all\nAllow from 10.0.0.1",
        "Order allow,deny",
        "Order allow,deny\nAllow from all\nDeny from 10.0.0.1",
        "Order mutual-failure\nAllow from all",
        "Order deny,allow\nAllow from all\nSatisfy Any",
        "Order deny,allow\nAllow all",
    ],
)
def test_old_access_rules_that_keep_people_out(text: str) -> None:
    """
    They are one error for each section's file, with what to write instead.
    """
    _, (error,), _ = checked(f"<Location /a>\n{text}\n</Location>", lenient=True)
    assert "use Require: `Require ip …` for Deny from all and Allow from …" in error


def test_an_order_with_a_blank() -> None:
    """
    Apache refuses it, too; what is wrong with it is told.
    """
    text = "<Location /a>\nOrder deny, allow\nAllow from all\n</Location>"
    errors = checked(text, lenient=True)[1]
    assert "f:2: Order: is not carried over: write it without a blank, as `Order" in errors[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Lisen 80", "f:1: Lisen: is not known (did you mean Listen?)"),
        ("ProxyPas / http://h", "f:1: ProxyPas: is not known (did you mean ProxyPass?)"),
        ("<Locatoin /a>\n</Locatoin>", "f:1: Locatoin: is not known (did you mean Location?)"),
        ("zzzz", "f:1: zzzz: is not known"),
        ("Location /a", "f:1: Location: is a section: write <Location …> and </Location>"),
        ("<Listen 80>\n</Listen>", "f:1: Listen: is no section: write Listen without <>"),
        (
            "<Location /a>\nListen 80\n</Location>",
            "f:2: Listen: may not stand in <Location>: put it outside of all sections",
        ),
        (
            "ServerAlias a",
            "f:1: ServerAlias: may not stand in the server: put it in <VirtualHost>",
        ),
        (
            "<Proxy balancer://a>\nProxyPass / http://h\n</Proxy>",
            "f:2: ProxyPass: may not stand in <Proxy>: "
            "put it outside of all sections, in <VirtualHost> or in <Location>",
        ),
        (
            "<VirtualHost *>\n<VirtualHost *>\n</VirtualHost>\n</VirtualHost>",
            "f:2: VirtualHost: may not stand in <VirtualHost>: put it outside of all sections",
        ),
        (
            "<Location /a>\n<RequireAny>\nHeader set A b\n</RequireAny>\n</Location>",
            "f:3: Header: may not stand in <RequireAny>, only Require may",
        ),
        (
            "Require local",
            "f:1: Require: may not stand in the server: put it in <Location> or in <Proxy>",
        ),
    ],
)
def test_wrong_names_and_places(text: str, expected: str) -> None:
    """
    The likeliest name, or the right place, is told; a lenient reader tells the same.
    """
    assert checked(text)[1] == [expected]
    assert checked(text, lenient=True)[1] == [expected]


def test_what_may_stand_where() -> None:
    """
    All that is in the right place is kept, with its sections, whatever the case of names.
    """
    text = (
        "listen 80\nLISTEN 81\n<virtualhost *:80>\nServerAlias b\n<LocationMatch ^/a>\n"
        "<RequireAll>\n<RequireNone>\nRequire ip 1.2.3.4\n</RequireNone>\nRequire local\n"
        "</RequireAll>\nProxyPass http://h\n</LocationMatch>\n<Proxy balancer://x>\n"
        "BalancerMember http://h\nRequire all granted\n</Proxy>\n</virtualhost>\n"
    )
    left, errors, warnings = checked(text)
    assert (errors, warnings) == ([], [])
    assert left == outline(preprocess(text, Findings("f")).tree)


def test_hints_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A file of a thousand unknown words is told without looking for a thousand likely ones.
    """
    monkeypatch.setattr(known, "MOST_HINTS", 1)
    _, errors, _ = checked("Lisen 80\nLisen 81\nServrName x\n")
    assert errors == [
        "f:1: Lisen: is not known (did you mean Listen?)",
        "f:2: Lisen: is not known (did you mean Listen?)",
        "f:3: ServrName: is not known",
    ]


def test_what_ifdirective_asks() -> None:
    """
    A directive is there when it has an effect here, a section likewise.
    """
    assert is_carried("proxypass", section=False)
    assert is_carried("Include", section=False)
    assert is_carried("Location", section=True)
    assert is_carried("IfModule", section=True)
    assert not is_carried("Location", section=False)
    assert not is_carried("ProxyPass", section=True)
    assert not is_carried("RewriteRule", section=False)
    assert not is_carried("Directory", section=True)


def test_the_tables_agree() -> None:
    """
    No directive is in two tables but those that are here in part; what other tables name is there.
    """
    assert set(CARRIED) & set(OMISSIONS) == {"rewriterule", "setenv"}
    assert len({name.lower() for name in NAMES}) == len(NAMES)
    assert set(OMISSIONS) >= GUARDS
    assert set(OMISSIONS) >= set(UNCHANGED)
    assert HERE & set(OF_MODULES) == {"http2"}  # some of its directives have no effect
    assert not HERE & HARMLESS


@pytest.mark.parametrize("reason", sorted({reason for _, reason in OMISSIONS.values()}))
def test_reasons_are_short(reason: str) -> None:
    """
    A reason is one line for a tired reader.
    """
    assert len(reason) <= 120
    assert not reason.endswith(".")
    assert re.match(r"[a-z`A-Z]", reason)

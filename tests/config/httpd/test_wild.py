"""
Files as people write them, who copied from manuals, guides and each other.
"""

from __future__ import annotations

import pytest

from tests.config.helpers import REGISTRY
from txbalancer.config import loads
from txbalancer.core.edits import HeaderEdit
from txbalancer.core.specs import ToBalancer, ToManager, ToMember

from .reading import errors_of, spec_of, warnings_of

MEMBERS = """\
<Proxy balancer://mycluster>
    BalancerMember http://10.0.0.1:8080 route=1
    BalancerMember http://10.0.0.2:8080 route=2
</Proxy>
"""
ALL = f"{MEMBERS}ProxyPass / balancer://mycluster/\n"


def same(text: str, other: str) -> bool:
    """
    Tell whether two texts without fault mean the same.
    """
    return spec_of(text) == spec_of(other)


# -- what asks for nothing


@pytest.mark.parametrize(
    "lines",
    [
        "NameVirtualHost *:8080",
        "ServerTokens Prod\nServerSignature Off\nTraceEnable Off",
        "ProxyRequests Off\n<Proxy *>\n  Order deny,allow\n  Allow from all\n</Proxy>",
        "<IfModule mod_deflate.c>\nAddOutputFilterByType DEFLATE text/html\n</IfModule>",
        "# Lastverteilung f\u00fcr \u00dcbersicht\n\t\n",
    ],
)
def test_lines_that_change_nothing(lines: str) -> None:
    """
    What asks for what is so anyway is accepted without a word.
    """
    assert same(f"{lines}\n{ALL}", ALL)
    assert warnings_of(f"{lines}\n{ALL}") == []


def test_line_ends_tabs_and_encodings() -> None:
    """
    Files come from Windows, with tabs, and with comments in whatever encoding.
    """
    text = ALL.replace("    ", "\t").replace("\n", "\r\n")
    assert same(text, ALL)
    assert same(f"# f\udcfcr\n{ALL}", ALL)


def test_old_access_rules() -> None:
    """
    Those that let everybody in are gone; others are one error, which names the remedy.
    """
    manager = (
        "<Location /balancer-manager>\nSetHandler balancer-manager\n{}\n</Location>\n"
        "ProxyPass /balancer-manager !\n"
    )
    everybody = "Order deny,allow\nAllow from all"
    text = MEMBERS.replace("</P", f"{everybody}\n</P") + manager.format(everybody)
    spec = spec_of(f"{text}ProxyPass / balancer://mycluster/\n")
    assert {type(each.target) for each in spec.mounts} == {ToManager, ToBalancer}
    some = "Order deny,allow\nDeny from all\nAllow from ::1"
    found = errors_of(ALL + manager.format(some))
    assert found == (
        "f:9: Order: is not carried over: use Require: `Require ip …` for Deny from all and "
        "Allow from … (and 2 more lines of this file: Deny in 10, Allow in 11)"
    )


# -- what systems load


def test_a_whole_system() -> None:
    """
    A stock file of a Linux system, with a balancer added: what is told is few lines.
    """
    text = f"""\
ServerRoot "/etc/httpd"
LoadModule access_compat_module modules/mod_access_compat.so
LoadModule alias_module modules/mod_alias.so
LoadModule mime_module modules/mod_mime.so
LoadModule mpm_event_module modules/mod_mpm_event.so
LoadModule proxy_module modules/mod_proxy.so
LoadModule proxy_ajp_module modules/mod_proxy_ajp.so
LoadModule proxy_balancer_module modules/mod_proxy_balancer.so
LoadModule proxy_http_module modules/mod_proxy_http.so
LoadModule rewrite_module modules/mod_rewrite.so
LoadModule systemd_module modules/mod_systemd.so
User apache
Group apache
ServerAdmin root@localhost
<Directory />
    AllowOverride none
    Require all denied
</Directory>
DocumentRoot "/var/www/html"
<IfModule mime_module>
    TypesConfig /etc/mime.types
    AddType application/x-gzip .gz .tgz
</IfModule>
<IfModule mpm_event_module>
    MaxRequestWorkers 400
</IfModule>
EnableSendfile on
{ALL}"""
    loaded = loads(f"Listen 8080\n{text}", REGISTRY, path="f")
    assert loaded.warnings == [
        "f:3: LoadModule: nothing is done here of what these modules are for: "
        "access_compat, rewrite",
        "f:13: User: has no effect here: give twistd --uid and --gid, or User= and Group= in the "
        "systemd unit (and 1 more line: Group)",
        "f:16: Directory: has no effect here: no files are served here; keep a web server for "
        "them as a member (and 2 more lines: DocumentRoot, EnableSendfile)",
    ]
    assert loaded.spec == spec_of(ALL)


def test_logs_of_debian(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The variables of its envvars are known, as only Apache's own start sets them.
    """
    monkeypatch.delenv("APACHE_LOG_DIR", raising=False)
    text = f"{ALL}ErrorLog ${{APACHE_LOG_DIR}}/error.log\nCustomLog ${{APACHE_LOG_DIR}}/a common\n"
    spec = spec_of(text)
    assert spec.service.error_log == "/var/log/apache2/error.log"
    assert spec.service.access_log == "/var/log/apache2/a"
    (told,) = warnings_of(text)
    assert told.startswith("f:7: ${APACHE_LOG_DIR} is taken to be /var/log/apache2")


# -- ProxyPass and its relatives


@pytest.mark.parametrize(
    ("regex", "url", "like"),
    [
        ("^(/.*\\.gif)$", "http://h:81$1", ("^/(.*\\.gif)$", "http://h:81/$1")),
        ("^(/.*\\.(gif|jpg))$", "http://h$1-$2", ("^/(.*\\.(gif|jpg))$", "http://h/$1-$2")),
        ("^/app(/.*)$", "balancer://mycluster$1", ("^/app/(.*)$", "balancer://mycluster/$1")),
        ("^(/[^)|]*)/x", "balancer://mycluster$1", ("^/([^)|]*)/x", "balancer://mycluster/$1")),
    ],
)
def test_a_group_that_brings_the_slash(regex: str, url: str, like: tuple[str, str]) -> None:
    """
    C{http://host$1} is read as meant where the group begins with the slash of the path.
    """
    (one,) = spec_of(f'{MEMBERS}ProxyPassMatch "{regex}" {url}\n').mounts
    (other,) = spec_of(f'{MEMBERS}ProxyPassMatch "{like[0]}" {like[1]}\n').mounts
    assert (one.match, one.target) == (other.match, other.target)


@pytest.mark.parametrize(
    "regex",
    ["^(.*)$", "(/.*)$", "^(/a|/b)$", "^(/?.*)$", "^(/a)+$", "^/x(.*)$", "^((/a))$"],
)
def test_a_group_that_may_be_the_host(regex: str) -> None:
    """
    Where the request would choose the host or port, or that cannot be seen, it is refused.
    """
    assert "a host or port that comes from the request" in errors_of(
        f'ProxyPassMatch "{regex}" http://h$1\n'
    )


def test_variables_that_are_not_defined() -> None:
    """
    They are not taken for a part of the URL.
    """
    assert "balancer://${NAME}/ has a variable that is not defined" in errors_of(
        "ProxyPass / balancer://${NAME}/\n"
    )


def test_quotes_within_a_word() -> None:
    """
    C{key="value"} has them in the value, in Apache too, where the session is then never found.
    """
    text = f"{MEMBERS}ProxyPass / balancer://mycluster/ "
    assert warnings_of(f'{text}stickysession="JSESSIONID|jsessionid"\n') == [
        'f:6: ProxyPass: stickysession="JSESSIONID|jsessionid": its quotes count, as in Apache: '
        'write "stickysession=JSESSIONID|jsessionid" or no quotes'
    ]
    assert warnings_of(f'{text}"stickysession=JSESSIONID|jsessionid"\n') == []


def test_a_path_that_no_request_has() -> None:
    """
    A regular expression in C{ProxyPass} never matches in Apache, which takes it: so here.
    """
    text = f"ProxyPass ^/app/ balancer://mycluster/app/\n{ALL}"
    assert warnings_of(text) == ["f:2: ProxyPass: '^/app/' does not start with /: it never matches"]
    assert same(text, ALL)


def test_parameters_on_ProxyPassReverse() -> None:
    """
    They are often copied from C{ProxyPass}; Apache takes one and forgets it.
    """
    text = f"{ALL}ProxyPassReverse / balancer://mycluster/"
    assert same(f"{text} stickysession=JSESSIONID\n", f"{text}\n")
    assert warnings_of(f"{text} stickysession=JSESSIONID\n") == [
        "f:7: ProxyPassReverse: stickysession=JSESSIONID has no effect, as in Apache"
    ]


@pytest.mark.parametrize("url", ["mycluster", "http:/app", "balancer:mycluster"])
def test_ProxyPassReverse_of_no_url(url: str) -> None:
    """
    Apache takes it and finds nothing to map back by it; so here, with a word.
    """
    text = f"{ALL}ProxyPassReverse / {url}\n"
    assert same(text, ALL)
    assert warnings_of(text) == [
        "f:7: ProxyPassReverse: has no effect: a URL is balancer://NAME/ or http://HOST/"
    ]


def test_ProxyPassReverse_of_no_balancer() -> None:
    """
    The same with the name of a balancer that is not there.
    """
    text = f"{ALL}ProxyPassReverse / balancer://nope/\n"
    assert same(text, ALL)
    (warning,) = warnings_of(text)
    assert "names no balancer that there is: it has no effect" in warning


def test_a_handler_that_is_none() -> None:
    """
    C{SetHandler balancer} of a guide has been copied ever since.
    """
    text = f"{ALL}<Location />\n    SetHandler balancer\n</Location>\n"
    assert same(text, ALL)
    assert warnings_of(text) == [
        "f:8: SetHandler: balancer has no effect, as in Apache; ProxyPass is what counts"
    ]
    assert "use `ProxyPass balancer://mycluster` in place of" in errors_of(
        f"{ALL}<Location /a>\nSetHandler proxy:balancer://mycluster\n</Location>\n"
    )


def test_where_a_hidden_page_is_hidden() -> None:
    """
    The line that takes its paths is named with its file where that is another.
    """
    status = "<Location /server-status>\nSetHandler server-status\n</Location>\n"
    (told,) = warnings_of(f"{status}{ALL}")
    assert ": line 9 takes all of /server-status before: put" in told


def test_the_old_shape_of_everything() -> None:
    """
    Sections in small letters, no quotes, parameters on C{ProxyPass}, one path for each member.
    """
    spec = spec_of(
        "<proxy balancer://one>\nbalancermember http://10.0.0.1:3000/app loadfactor=10\n"
        "balancermember http://10.0.0.1:3001/app loadfactor=10\n</proxy>\n"
        "proxypass /app balancer://one lbmethod=byrequests stickysession=SID nofailover=On\n"
        "proxypass /special http://10.0.0.3/ smax=5 max=10\n"
    )
    assert [type(each.target) for each in spec.mounts] == [ToBalancer, ToMember]
    (balancer,) = spec.balancers
    assert (balancer.lbmethod, balancer.nofailover) == ("byrequests", True)


# -- headers


def requestheader(line: str) -> HeaderEdit:
    """
    Return what becomes of a line.
    """
    (edit,) = spec_of(f"RequestHeader {line}\n{ALL}").mounts[0].requestheader
    return edit


@pytest.mark.parametrize(
    ("line", "like"),
    [
        ("unset Proxy early", "unset Proxy"),
        ("set X-A b EARLY", "set X-A b"),
        ("set X-Proto expr=%{REQUEST_SCHEME}", "set X-Proto %{REQUEST_SCHEME}s"),
        ('set "X-A" "expr=%{REQUEST_SCHEME}://%{HTTP_HOST}"',
         'set "X-A" "%{REQUEST_SCHEME}s://%{HTTP_HOST}s"'),
        ("set X-A expr=%{REMOTE_ADDR} env=HTTPS", "set X-A %{REMOTE_ADDR}s env=HTTPS"),
    ],
)  # fmt: skip
def test_values_as_guides_write_them(line: str, like: str) -> None:
    """
    C{early} makes no difference to a member, and an expression of variables is a value.
    """
    assert requestheader(line) == requestheader(like)


@pytest.mark.parametrize(
    "line",
    [
        "RequestHeader set X-A expr=%{HTTP_REFERER}",
        "RequestHeader set X-A expr=%{tolower:%{HTTP_HOST}}",
        "RequestHeader set X-A b expr=%{REQUEST_SCHEME}",
        'Header set X-A "expr=%{REQUEST_STATUS}"',
        "Header set X-A b early",
    ],
)
def test_expressions_that_are_more(line: str) -> None:
    """
    Real expressions are told, and early changes of answers.
    """
    assert "not available" in errors_of(f"{line}\n{ALL}")

"""
What may be left out because no request notices, and whole servers' files that are full of it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.httpd.reading import BALANCER, errors_of, loaded, spec_of, warnings_of
from txbalancer.config.httpd.harmless import is_harmless
from txbalancer.config.httpd.known import OMISSIONS
from txbalancer.config.httpd.omitted import GUARDS
from txbalancer.config.httpd.tree import Directive

RULES = f"{BALANCER}ProxyPass / balancer://b/\n"

RED_HAT = r"""
User apache
Group apache
ServerAdmin root@localhost
<Directory />
    AllowOverride none
    Require all denied
</Directory>
DocumentRoot "/var/www/html"
<Directory "/var/www/html">
    Options Indexes FollowSymLinks
    AllowOverride None
    Require all granted
</Directory>
<IfModule dir_module>
    DirectoryIndex index.html
</IfModule>
<Files ".ht*">
    Require all denied
</Files>
ErrorLog /dev/null
LogLevel warn
<IfModule log_config_module>
    LogFormat "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\"" combined
    CustomLog /dev/null combined
</IfModule>
<IfModule alias_module>
    ScriptAlias /cgi-bin/ "/var/www/cgi-bin/"
</IfModule>
TypesConfig /etc/mime.types
AddType application/x-gzip .gz .tgz
AddType text/html .shtml
AddOutputFilter INCLUDES .shtml
AddDefaultCharset UTF-8
<IfModule mime_magic_module>
    MIMEMagicFile conf/magic
</IfModule>
EnableSendfile on
SSLPassPhraseDialog exec:/usr/libexec/httpd-ssl-pass-dialog
SSLSessionCache shmcb:/run/httpd/sslcache(512000)
SSLCipherSuite PROFILE=SYSTEM
BrowserMatch "MSIE [2-5]" nokeepalive ssl-unclean-shutdown downgrade-1.0 force-response-1.0
"""

DEBIAN = r"""
DefaultRuntimeDir ${APACHE_RUN_DIR}
PidFile ${APACHE_PID_FILE}
Timeout 300
User ${APACHE_RUN_USER}
Group ${APACHE_RUN_GROUP}
HostnameLookups Off
ErrorLog /dev/null
AccessFileName .htaccess
<FilesMatch "^\.ht">
    Require all denied
</FilesMatch>
AddOutputFilterByType DEFLATE text/html text/plain text/xml
DirectoryIndex index.html index.cgi
AddLanguage es .es .cast
AddCharset us-ascii .ascii .us-ascii
StartServers 2
MaxRequestWorkers 150
LanguagePriority en ca cs
RequestReadTimeout header=20-40,minrate=500
RequestReadTimeout body=10,minrate=500
BrowserMatch "Mozilla/2" nokeepalive
BrowserMatch "MS FrontPage" redirect-carefully
ServerTokens OS
ServerSignature On
SSLRandomSeed startup builtin
SSLProtocol all -SSLv3
"""


def harmless(text: str) -> bool:
    """
    Tell of a line whether no request notices it.
    """
    name, *words = text.split()
    return is_harmless(Directive(name, tuple(words), "", "f", 1))


@pytest.mark.parametrize(
    "text",
    [
        "User www-data", "MaxRequestWorkers 150", "ServerTokens Full", "DocumentRoot /var/www",
        "HostnameLookups On", "Directory /", "FilesMatch x", "AddType text/html .x",
        "AddLanguage es .es", "H2Push on", "ProtocolsHonorOrder off",
        "AddOutputFilterByType DEFLATE text/html", "SetOutputFilter BROTLI_COMPRESS;DEFLATE",
        "AddOutputFilter INCLUDES .shtml", "BrowserMatch a nokeepalive downgrade-1.0",
        "SetEnvIfNoCase Request_URI gif no-gzip dont-vary", "SetEnvIf A b !no-gzip force-gzip=1",
        "Options Indexes", "HttpProtocolOptions Strict",
        "CacheRoot /var/cache", "SSLUseStapling On",
    ],
)  # fmt: skip
def test_no_request_notices(text: str) -> None:
    """
    Processes, files, other pages, compression and labels by the ending of a path.
    """
    assert harmless(text)


@pytest.mark.parametrize(
    "text",
    [
        "RewriteRule a b", "ErrorDocument 404 /x", "AddEncoding x-gzip .gz", "ServerPath /a",
        "AddOutputFilterByType SUBSTITUTE text/html", "SetOutputFilter INCLUDES",
        "AddOutputFilter SED .html", "SetEnvIf Request_URI a dontlog", "SetEnvIf a b",
        "BrowserMatch bot is_bot", "Options +Includes",
        "HttpProtocolOptions Unsafe", "Header set A b",
        "AddDefaultCharset utf-8", "H2WebSockets on", "TraceEnable On", "CacheEnable disk /",
        "SSLFIPS on", "MergeSlashes Off", "ForceType text/plain", "ExtFilterDefine x",
    ],
)  # fmt: skip
def test_requests_would_notice(text: str) -> None:
    """
    What changes a request, its answer or who may ask stays an error.
    """
    assert not harmless(text)


def test_what_keeps_people_out_is_not_harmless() -> None:
    """
    Nothing of the table of guards may be left out unseen.
    """
    assert not [name for name in GUARDS if is_harmless(Directive(name, (), "", "f", 1))]
    assert not is_harmless(Directive("ProxyPass", (), "", "f", 1))
    assert sum(is_harmless(Directive(name, (), "", "f", 1)) for name in OMISSIONS) > 200


@pytest.mark.parametrize("text", [RED_HAT, DEBIAN])
def test_files_of_distributions(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    They load without --lenient, with few warnings, and balance as without all that.
    """
    for name in ("APACHE_RUN_DIR", "APACHE_PID_FILE", "APACHE_RUN_USER", "APACHE_RUN_GROUP"):
        monkeypatch.delenv(name, raising=False)
    found = loaded(text + RULES)
    assert len(found.warnings) <= 9
    timeout = "Timeout 300\n" * (text is DEBIAN)
    assert found.spec.balancers == spec_of(timeout + RULES).balancers
    assert len(found.spec.mounts) == 1
    assert len([each for each in found.warnings if "no files are served" in each]) == 1
    assert len([each for each in found.warnings if "envvars" in each]) == (text is DEBIAN)


def test_debian_s_own_file() -> None:
    """
    The file of the package that is installed here loads, with all that it includes.
    """
    path = Path("/etc/apache2/apache2.conf")
    if not path.exists():
        pytest.skip("Debian's apache2 is not installed")
    warnings = warnings_of(f"ServerRoot /etc/apache2\n{path.read_text()}\n{RULES}", listen="")
    assert len(warnings) < 20


# -- RequestReadTimeout


@pytest.mark.parametrize(
    ("text", "head", "body", "rate"),
    [
        ("header=20-40,minrate=500 body=10,MinRate=500", 40.0, 10.0, 500),
        ("header=20", 20.0, 60.0, 0),
        ("header=20,minrate=1024", 84.0, 60.0, 0),
        ("header=0 body=0", 86400.0, 60.0, 0),
        ("body=90,minrate=1", 0.0, 60.0, 1),
        ("handshake=0 body=5,minrate=9", 0.0, 5.0, 9),
    ],
)
def test_times_of_requests(text: str, head: float, body: float, rate: int) -> None:
    """
    The longest time of a head, the least rate of a body, and the shorter of two silences.
    """
    plain = spec_of(f"TimeOut 60\n{RULES}").listeners[0]
    listener = spec_of(f"TimeOut 60\nRequestReadTimeout {text}\n{RULES}").listeners[0]
    assert listener.head_timeout == (head or plain.head_timeout)
    assert listener.body_timeout == body
    if "body" in text:
        assert listener.body_min_rate == rate


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "takes header=, body= or both"),
        ("head=3", "must be WHAT=SECONDS"),
        ("header=30-20", "the second time must not be less"),
    ],
)
def test_wrong_times_of_requests(text: str, fault: str) -> None:
    """
    They are told as anything else.
    """
    assert fault in errors_of(f"RequestReadTimeout {text}\n{RULES}")


def test_times_that_have_no_counterpart() -> None:
    """
    A body has no longest time, and a handshake none of its own.
    """
    (told,) = warnings_of(f"RequestReadTimeout body=20-40,minrate=500\n{RULES}")
    assert "there is no longest time for a whole body" in told
    (told,) = warnings_of(f"RequestReadTimeout handshake=5\n{RULES}")
    assert "handshake= has no effect: TimeOut holds for it" in told


# -- AddDefaultCharset


def test_a_charset_for_all_answers() -> None:
    """
    It is a change of Content-Type, after all others.
    """
    (mount,) = spec_of(f"AddDefaultCharset UTF-8\nHeader set A b\n{RULES}").mounts
    first, edit = mount.header
    assert (first.name, edit.name, edit.action) == ("A", "Content-Type", "edit")
    assert edit.value.endswith("; charset=UTF-8")
    (mount,) = spec_of(f"AddDefaultCharset On\n{RULES}").mounts
    assert mount.header[0].value.endswith("; charset=iso-8859-1")
    (mount,) = spec_of(f"AddDefaultCharset Off\n{RULES}").mounts
    assert mount.header == ()


@pytest.mark.parametrize(
    "text",
    [
        "<Location /a>\nAddDefaultCharset utf-8\n</Location>",
        "AddDefaultCharset utf-8\nAddDefaultCharset latin1",
        "AddDefaultCharset utf-8 more",
        "AddDefaultCharset utf,8",
    ],
)
def test_charsets_that_cannot_be_carried_over(text: str) -> None:
    """
    One of a section would replace the server's, which changes of headers do not.
    """
    assert "AddDefaultCharset: is not carried over" in errors_of(f"{text}\n{RULES}")
    inside = f"<Directory />\nAddDefaultCharset a\n</Directory>\nAddDefaultCharset b\n{RULES}"
    assert spec_of(inside).mounts[0].header[0].value.endswith("=b")

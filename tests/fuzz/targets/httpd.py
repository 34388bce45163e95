"""
Files in Apache's syntax: loaded, or all faults with their lines.

The first byte says whether what is not carried over is left out.
"""

from __future__ import annotations

from tests.fuzz.targets.ini import check
from txbalancer.config.httpd.known import NAMES
from txbalancer.config.ini import is_ini

_BALANCER = (
    b"<Proxy balancer://b>\nBalancerMember http://h:1 route=a\nProxySet lbmethod=byrequests\n"
    b"</Proxy>\n"
)
SEEDS = [
    b"LListen 80\n" + _BALANCER + b"ProxyPass / balancer://b/\nProxyPassReverse / balancer://b/\n",
    b"SListen 80\n<VirtualHost *:80>\nServerName a.test\nServerAlias *.b.test\nProxyPass /x http://h:2/y\n"
    b"</VirtualHost>\n",
    b"SDefine P 80\nListen ${P}\n<IfDefine P>\nProxyPass / http://h/\n</IfDefine>\n",
    b'LListen 80\nRewriteEngine On\nRewriteRule "^/a(.*)$" "http://h:1/$1" [P,L]\n',
    b"SListen 80\n<Location /s>\nRequire ip 10.0.0.0/8\nProxyPass http://h:1\n</Location>\n",
    b"SListen 443 https\nSSLEngine on\nSSLCertificateFile c.pem\nSSLProtocol all -TLSv1.1\n",
    b"LListen 80\n<Macro M $a>\nProxyPass /$a http://h/\n</Macro>\nUse M x\n"
    b"# c\nHeader set A b\\\nc\n",
    b"SListen 80\n"
    + _BALANCER
    + b"<Location /bm>\nSetHandler balancer-manager\nRequire local\n</Location>\n",
]
WORDS = [
    *(each.encode() + b" " for each in sorted(NAMES)),
    *b"<VirtualHost *:80>\n|</VirtualHost>\n|<Location |</Location>\n".split(b"|"),
    *b"<If |<Else>|<IfModule ".split(b"|"),
    *b"<Proxy |</Proxy>\n|<Macro |</Macro>|balancer://b|${|}|\\\n|\"|'|On|Off|%{|[P,L]".split(b"|"),
]


def one(data: bytes) -> None:
    """
    Load it, if it is no INI.
    """
    text = data[1:].decode("utf-8", "surrogateescape")
    if not is_ini(text):
        check(text, lenient=data[:1] == b"L")

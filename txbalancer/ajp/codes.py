"""
The words of AJP that go over the wire as numbers.
"""

from __future__ import annotations

METHODS = {
    name: code
    for code, name in enumerate(
        b"OPTIONS GET HEAD POST PUT DELETE TRACE PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK"
        b" ACL REPORT VERSION-CONTROL CHECKIN CHECKOUT UNCHECKOUT"  # codespell:ignore checkin
        b" SEARCH MKWORKSPACE UPDATE LABEL MERGE BASELINE-CONTROL MKACTIVITY".split(),
        start=1,
    )
}
STORED_METHOD = 0xFF
"""Stands for a method that has no number, and is an attribute instead."""

REQUEST_HEADERS = {
    name: 0xA000 + code
    for code, name in enumerate(
        b"accept accept-charset accept-encoding accept-language authorization connection"
        b" content-type content-length cookie cookie2 host pragma referer user-agent".split(),
        start=1,
    )
}
ANSWER_HEADERS = {
    0xA000 + code: name
    for code, name in enumerate(
        b"Content-Type Content-Language Content-Length Date Last-Modified Location Set-Cookie"
        b" Set-Cookie2 Servlet-Engine Status WWW-Authenticate".split(),
        start=1,
    )
}

# Kinds of packets to a container.
FORWARD_REQUEST = 0x02
CPING = 0x0A

# Kinds of packets from a container.
SEND_BODY_CHUNK = 0x03
SEND_HEADERS = 0x04
END_RESPONSE = 0x05
GET_BODY_CHUNK = 0x06
CPONG = 0x09

# Attributes of a request.
REMOTE_USER = 0x03
AUTH_TYPE = 0x04
QUERY_STRING = 0x05
ROUTE = 0x06
SSL_CERT = 0x07
SSL_CIPHER = 0x08
SSL_SESSION = 0x09
NAMED = 0x0A
SSL_KEY_SIZE = 0x0B
SECRET = 0x0C
METHOD = 0x0D
DONE = 0xFF

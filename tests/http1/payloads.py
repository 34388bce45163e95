"""
Heads and bodies to begin from: ordinary ones, and the shapes of known smuggling payloads.
"""

from __future__ import annotations

_POST = b"POST /a HTTP/1.1\r\nHost: www.example.com\r\n"

REQUESTS = [
    b"GET / HTTP/1.1\r\nHost: a",
    b"GET /a/b?c=d HTTP/1.0",
    b"HEAD http://b.example:81/x?y HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nUser-Agent: x",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 3",
    b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nCookie: a=b",
    b"PUT / HTTP/1.1\r\nHost: a\r\nConnection: close, X-A\r\nX-A: 1\r\nExpect: 100-continue",
    _POST + b"Content-Length: 5",
    _POST + b"Transfer-Encoding: chunked",
    _POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked",
    _POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5",
    _POST + b"Content-Length: 5\r\nContent-Length: 6",
    _POST + b"Content-Length: 5, 5",
    _POST + b"Content-Length: +5",
    _POST + b"Content-Length: 0x5",
    _POST + b"Content-Length: 5 \r\nX: y",
    _POST + b"Content-Length : 5",
    _POST + b"Content-Length\r\n: 5",
    _POST + b"Content-Length: 5\nTransfer-Encoding: chunked",
    _POST + b"Content_Length: 5",
    _POST + b"X: y\r\n Transfer-Encoding: chunked",
    _POST + b"Transfer-Encoding : chunked",
    _POST + b"Transfer-Encoding:\tchunked",
    _POST + b"Transfer-Encoding:\x0bchunked",
    _POST + b"Transfer-Encoding: xchunked",
    _POST + b"Transfer-Encoding: chunked, identity",
    _POST + b"Transfer-Encoding: identity, chunked",
    _POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
    _POST + b"Transfer-Encoding\x00: chunked",
    _POST + b" Transfer-Encoding: chunked",
    _POST + b"X: a\rTransfer-Encoding: chunked",
    _POST + b"X: a\x00\r\nTransfer-Encoding: chunked",
    _POST + b"Transfer-Encoding:\r\n chunked",
    _POST + b'Transfer-Encoding: "chunked"',
    _POST + b"transfer-encoding: CHUNKED",
    b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b",
    b"GET http://c/ HTTP/1.1\r\nHost: a@b",
    b"GET /\tHTTP/1.1\r\nHost: a",
    b"GET / HTTP/1.1 \r\nHost: a",
]

RESPONSES = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5",
    b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked",
    b"HTTP/1.1 200 OK\r\nServer: x\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d",
    b"HTTP/1.1 404 Not Found\r\nConnection: close, X-A\r\nX-A: 1\r\nContent-Length: 0",
    b"HTTP/1.1 204 No Content\r\nContent-Length: 5",
    b'HTTP/1.1 304 Not Modified\r\nETag: "a"',
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>",
    b"HTTP/1.1 200",
    b"HTTP/1.1 999 \xe9",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip",
    b"HTTP/1.1 200 OK\r\nX-A: b\r\n c",
    b"HTTP/1.1 200 OK\r\nX A: b",
    b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked",
]

BODIES = [
    b"0\r\n\r\n",
    b"5\r\nhello\r\n0\r\n\r\n",
    b'005;a=b\r\nhello\r\n3;c="d;e"\r\nabc\r\n0;x\r\nX-A: b\r\n\r\n',
    b"5 \r\nhello\r\n0\r\n\r\n",
    b"5\nhello\r\n0\r\n\r\n",
    b"0x5\r\nhello\r\n0\r\n\r\n",
    b"ffffffffffffffff5\r\nhello\r\n0\r\n\r\n",
    b"5;\n\r\nhello\r\n0\r\n\r\n",
    b"5\r\nhelloXX0\r\n\r\n",
    b"0\r\nContent-Length: 5\r\n\r\n",
    b"0\r\n X: y\r\n\r\n",
]

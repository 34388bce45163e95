"""
WebSockets over HTTP/2 to a real member: C{websockets} says what goes into the stream.
"""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import CLIENT, Protocol

from tests.http2.ends import Client, NotedStream
from tests.integration.conftest import Starts
from tests.integration.process import until
from tests.integration.websocket import EchoMember
from txbalancer.http2.frames import PREFACE

pytestmark = pytest.mark.integration

CONNECT = [
    b":method: CONNECT",
    b":protocol: websocket",
    b":scheme: http",
    b":authority: chat.test",
    b":path: /room",
    b"sec-websocket-version: 13",
    b"sec-websocket-protocol: talk",
    b"origin: http://chat.test",
]


class Browser:
    """
    A connection of HTTP/2 with WebSockets on its streams.
    """

    def __init__(self, port: int) -> None:
        self.end = Client()
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.socket.sendall(PREFACE + self.end.taken())
        self.streams: dict[int, Protocol] = {}

    def open(self) -> NotedStream:
        """
        Ask for a WebSocket and wait for it to stand.
        """
        stream = NotedStream(self.end, self.end.next, self.end.events)
        self.end.add(stream)
        stream.send(list(CONNECT), b"", False)
        self.streams[stream.number] = Protocol(CLIENT)
        while not [each for each in self.end.events if each[:2] == ("fields", stream.number)]:
            self.turn()
        return stream

    def turn(self) -> None:
        """
        Send what there is, and wait for more.
        """
        self.socket.sendall(self.end.taken())
        before = len(self.end.events)
        data = self.socket.recv(65536)
        assert data
        self.end.receive(data, 1.0)
        for what, number, *more in [each for each in self.end.events[before:] if len(each) > 2]:
            if what == "data":
                self.streams[number].receive_data(more[0])

    def say(self, stream: NotedStream, text: bytes) -> bytes:
        """
        Send a message, and return the next one that comes.
        """
        protocol = self.streams[stream.number]
        protocol.send_text(text)
        stream.send_data(b"".join(protocol.data_to_send()))
        got = b""
        while True:
            for frame in protocol.events_received():
                assert isinstance(frame, Frame)
                if frame.opcode is not Opcode.CLOSE:
                    got += frame.data
                if frame.fin:
                    return got
            self.turn()


def test_a_conversation(balancer: Starts) -> None:
    """
    Several WebSockets on one connection, messages small and large, an orderly end.
    """
    with EchoMember() as member, ExitStack() as clients:
        process = balancer(
            "[txbalancer]\naccess-log = ACCESS\naccess-log-format = json\n"
            "[listener:web]\nendpoint = tcp:PORT:interface=127.0.0.1\nh2c = on\n"
            f"[balancer:chat]\nmembers = http://127.0.0.1:{member.port}\n"
            "[mount:/]\nto = balancer://chat/\n"
        )
        browser = Browser(process.port)
        clients.callback(browser.socket.close)
        browser.socket.sendall(browser.end.taken())
        while not browser.end.extended:
            browser.turn()
        first, second = browser.open(), browser.open()
        (fields,) = [each[2] for each in browser.end.events if each[:2] == ("fields", 1)]
        assert dict(fields)[b":status"] == b"200"
        assert dict(fields)[b"sec-websocket-protocol"] == b"talk"
        assert browser.say(first, b"hello") == b"hello"
        assert browser.say(second, b"x" * 300_000) == b"x" * 300_000
        assert browser.say(first, b"again") == b"again"
        browser.say(first, b"bye")
        while first.number in browser.end.streams:
            if not first.sent_end:
                first.send_data(b"".join(browser.streams[1].data_to_send()), True)
            browser.turn()
        until(lambda: member.closes, "the member sees the end")
        assert member.closes[0][0] == 4001
        browser.socket.close()
        record = process.record("/room")
        assert (record["status"], record["version"]) == (101, "2.0")
        path, headers = member.paths[0]
        assert path == "/room"
        assert headers["Origin"] == "http://chat.test"

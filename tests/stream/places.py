"""
A balancer of datagrams with two members, and its clients.
"""

from __future__ import annotations

CONFIGURATION = """
[txbalancer]
access-log = off
graceful-timeout = 10s
[listener:dns]
mode = udp
endpoint = udp:53:interface=192.0.2.254
to = balancer://dns
session-timeout = 20s
{listener}
[balancer:dns]
lbmethod = {method}
member.timeout = 3
member.maxfails = 1
{balancer}
members =
    udp://10.0.0.1:53 {one}
    udp://10.0.0.2:53 {two}
"""
ONE, TWO = "udp://10.0.0.1:53", "udp://10.0.0.2:53"


def configuration(listener="", method="byrequests", balancer="", one="", two=""):
    return CONFIGURATION.format(
        listener=listener, method=method, balancer=balancer, one=one, two=two
    )


class Place:
    """
    A balancer with two members and clients.
    """

    def __init__(self, network, **options):
        self.network = network
        self.world = network.start(configuration(**options))
        self.one = network.end("10.0.0.1", 53)
        self.two = network.end("10.0.0.2", 53)
        self.outcomes = self.world.outcomes
        self.site = self.world.service.listeners["dns"].site

    def client(self, port=5000, host="198.51.100.1"):
        return self.network.end(host, port)

    def advance(self, seconds):
        self.network.advance(seconds)

    def members(self):
        return self.world.members("dns")

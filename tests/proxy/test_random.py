"""
Clients, members and time do anything in any order; the books stay right.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.error import ConnectionRefusedError, TimeoutError

from tests.proxy.rigs import CHUNKED, GET, OK, POST, PUT, SWITCH, UPGRADE, check_rest, make_rig
from txbalancer.core import flags
from txbalancer.core.passive.breaker import HALF_OPEN, OPEN
from txbalancer.proxy.exchange import Exchange

FROM_CLIENTS = [
    GET,
    GET + GET,
    GET.replace(b"/1.1", b"/1.0"),
    POST + b"0123456789",
    PUT + b"begun",
    b"01234",
    CHUNKED,
    b"5\r\nbegun\r\n",
    b"0\r\n\r\n",
    b"zz\r\n",
    POST.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"),
    POST.replace(b"10", b"1000000"),
    b"x" * 80_000,
    UPGRADE,
    b"\x00rubbish\r\n\r\n",
]
FROM_MEMBERS = [
    OK,
    OK + OK,
    b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nbegun",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbe",
    b"HTTP/1.1 200 OK\r\n\r\nuntil close",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
    b"HTTP/1.1 500 Oh\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    SWITCH,
    b"0\r\n\r\n",
    b"x" * 80_000,
    b"HTTP/1.1 2",
    b"rubbish\n",
]


class Play:
    """
    A rig, and what may happen to it.

    @ivar began: requests that were read.
    """

    def __init__(self, **options: str) -> None:
        self.rig = make_rig(2, **options)
        self.clients, self.members, self.openings = [], [], []
        self.began = []
        site, begin = self.rig.site, self.rig.site.begin
        site.begin = lambda channel, head: (self.began.append(head), begin(channel, head))

    def act(self, what: int, which: int) -> None:
        """
        Do one of all things to one of all who are there.
        """
        actions = [self.connect, self.accept, self.refuse, self.sleep]
        actions += [lambda at, data=data: at.send(data) for data in FROM_CLIENTS + FROM_MEMBERS]
        actions += [lambda at: at.end(), lambda at: at.reset(), self.fill, lambda at: at.take()]
        place = what % (len(actions) + 4)
        if place < 4:
            actions[place](which)
        elif place < 4 + len(FROM_CLIENTS):
            self._one(self.clients, which, actions[place])
        elif place < 4 + len(FROM_CLIENTS) + len(FROM_MEMBERS):
            self._one(self.members, which, actions[place])
        elif place < len(actions):
            self._one(self.clients, which, actions[place])
        else:
            self._one(self.members, which, actions[place - 4])
        self.openings += self.rig.openings()

    @staticmethod
    def _one(many, which, action) -> None:
        there = [each for each in many if not each.lost]
        if there:
            action(there[which % len(there)])

    @staticmethod
    def fill(line) -> None:
        line.room = 0

    def connect(self, which: int) -> None:
        self.clients.append(self.rig.client())

    def accept(self, which: int) -> None:
        if self.openings:
            self.members.append(self.openings.pop(which % len(self.openings)).accept())

    def refuse(self, which: int) -> None:
        if self.openings:
            reason = TimeoutError() if which % 2 else ConnectionRefusedError()
            self.openings.pop(which % len(self.openings)).fail(reason)

    def sleep(self, which: int) -> None:
        self.rig.advance((0.3, 6, 70)[which % 3])

    def check(self) -> None:
        """
        Check what has to be true at every moment.
        """
        exchanges = [
            channel.exchange
            for channel in self.rig.site.channels
            if isinstance(channel.exchange, Exchange) and not channel.exchange.finished
        ]
        opened = 0
        for member in self.rig.balancer().members:
            assert member.busy == sum(each.member is member and each._charged for each in exchanges)
            opened += member.pool.open
        ends = [each for each in self.members if not each.lost]
        assert opened <= len(ends) + len(self.openings)
        told = [id(outcome.request) for outcome in self.rig.outcomes]
        assert len(told) == len(set(told))

    def finish(self) -> None:
        """
        Let everybody leave, and check that nothing is left.
        """
        for client in self.clients:
            client.reset()
            client.take()
        for _ in range(20):
            while self.openings:
                self.openings.pop().fail()
                self.openings += self.rig.openings()
            self.rig.advance(70)
            self.openings = self.rig.openings()
        self.rig.advance(4000)
        check_rest(self.rig)
        assert not self.rig.site.channels
        told = {id(outcome.request) for outcome in self.rig.outcomes}
        assert {id(head) for head in self.began} <= told
        attempts = sum(outcome.attempts for outcome in self.rig.outcomes)
        assert attempts == sum(member.elected for member in self.rig.balancer().members)


STEPS = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 5)), max_size=60)


@settings(max_examples=60)
@given(STEPS, st.sampled_from(["", "max=1", "disablereuse=on", "ttl=1 min=1"]), st.booleans())
def test_the_books_stay_right(steps, member, patient) -> None:
    """
    After every step busy counts are those of the exchanges there are; at the end nobody is
    busy, pools know their connections, and each request has exactly one outcome.
    """
    play = Play(member=member, balancer="timeout = 20" if patient else "")
    play.rig.advance(1)
    for what, which in steps:
        play.act(what, which)
        play.check()
    play.finish()


WATCHED = """outlier-failures = 2
outlier-percent = 40
outlier-latency = 2
outlier-requests = 2
outlier-interval = 1s
outlier-time = 1s
panic = 60
retry-budget = 10
retry-budget-min = 1
breaker-percent = 60
breaker-latency = 1s
breaker-requests = 2
breaker-open = 1s
breaker-trials = 2
member.breaker-percent = 60
member.breaker-requests = 2
member.breaker-open = 1s
slow-start = 5s
"""


@settings(max_examples=60)
@given(STEPS, st.booleans())
def test_the_books_stay_right_with_passive_health(steps, patient) -> None:
    """
    Whatever is ejected, tripped, denied or tried: the same holds, flags say what there is, and in
    the end, with time and without failures, all are in use again.
    """
    play = Play(balancer=WATCHED + ("timeout = 20" if patient else ""))
    lb, now = play.rig.balancer(), play.rig.runtime.now
    for what, which in steps:
        play.act(what, which)
        lb.sweep(now())
        play.check()
        for each in lb.members:
            its = each.watched
            assert bool(each.flags & flags.EJECTED) is (its.ejection is not None)
            assert bool(each.flags & flags.TRIPPED) is (its.breaker.state == OPEN)
            assert bool(each.flags & flags.TRIAL) is (its.breaker.state == HALF_OPEN)
            assert each.share in range(10, 101, 5)
    play.finish()
    assert lb.budget.in_progress == 0
    for _ in range(3):
        play.rig.advance(20)
        lb.sweep(now())
        for each in lb.members:
            lb.connected(each)
            for _ in range(3):
                lb.answered(each, 200, 0.01, now())
    assert not any(each.flags & flags.PASSIVE for each in lb.members)
    assert lb.admits()

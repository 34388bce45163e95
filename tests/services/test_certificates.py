"""
Files of certificates are looked at: what is new is taken, what is wrong or ends is told.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.integration.certificates import Authority
from tests.services.worlds import World
from txbalancer.control.record import Record
from txbalancer.services.certificates import CertificateWatch
from txbalancer.services.pictures import ListenerPicture

TEXT = """
[txbalancer]
access-log = off
tls-watch = 5s
[listener:web]
endpoint = tcp:443
tls-certificate = {certificate}
tls-key = {key}
[balancer:shop]
members = https://10.0.0.1 sslproxycacertificatefile={trusted}
[mount:/]
to = balancer://shop/
"""


class Watched:
    """
    A service, and its files.
    """

    def __init__(self, folder: Path, days: float = 90.0) -> None:
        self.authority = Authority(folder)
        self.pair = self.authority.issue("lb.test", days=days)
        self.trusted = folder / "trusted.pem"
        self.trusted.write_bytes(self.authority.file.read_bytes())
        text = TEXT.format(
            certificate=self.pair.certificate, key=self.pair.key, trusted=self.trusted
        )
        self.world = World(text).start()
        self.service = self.world.service

    @property
    def tls(self):
        """
        What the listener speaks with.
        """
        return self.service.listeners["web"].tls

    def look(self, times: int = 1) -> None:
        """
        Let the service look at its files.
        """
        for _ in range(times):
            self.world.advance(5)

    def told(self) -> list[tuple[str, str]]:
        """
        Return what the journal has of it.
        """
        return [
            (each.kind, each.text)
            for each in self.service.targets.journal.events
            if each.kind in ("warning", "reload")
        ]


def test_a_new_pair_is_taken_once_it_is_settled(tmp_path) -> None:
    """
    The first look sees that files change, the second one that they have stopped changing.
    """
    it = Watched(tmp_path)
    before = it.tls
    it.look(3)
    assert it.tls is before
    it.authority.issue("lb.test", days=90)
    it.look()
    assert it.tls is before
    it.look()
    assert it.tls is not before
    path = str(it.pair.certificate)
    assert it.told() == [("reload", f"listener web: 1 certificate ({path}) taken from the disk")]
    assert it.service.listeners["web"].renewals.passed == 1
    now = it.tls
    it.look(3)
    assert it.tls is now


def test_workers_take_it_and_their_supervisor_tells(tmp_path) -> None:
    """
    A worker takes changed files in silence; the supervisor, which has no connections, looks at the
    same files and tells of them once.
    """
    it = Watched(tmp_path)
    before = it.tls
    it.service.certificates.tells = False
    certificates, renewals = {"web": before}, Record()
    spec = it.service.spec.listeners[0]
    watch = CertificateWatch(
        it.service.runtime,
        it.service.targets,
        lambda: [ListenerPicture(spec, certificates, renewals, lambda: 7.0)],
    )
    watch.start(5)
    it.authority.issue("lb.test", days=90)
    it.look(3)
    assert it.tls is not before
    assert certificates["web"] is not before
    assert (renewals.passed, renewals.failed, renewals.last) == (1, 0, 7.0)
    path = str(it.pair.certificate)
    assert it.told() == [("reload", f"listener web: 1 certificate ({path}) taken from the disk")]
    it.pair.key.unlink()
    it.look(5)
    watch.stop()
    assert (renewals.passed, renewals.failed) == (1, 1)


def test_files_that_still_change_are_left_alone(tmp_path) -> None:
    """
    As long as each look finds them otherwise, nothing is loaded.
    """
    it = Watched(tmp_path)
    before = it.tls
    for _ in range(3):
        it.authority.issue("lb.test", days=90)
        it.look()
        assert it.tls is before
    it.look()
    assert it.tls is not before


def test_what_does_not_fit_is_told_once(tmp_path) -> None:
    """
    The former pair stays; another try is made when the files change again.
    """
    it = Watched(tmp_path)
    before = it.tls
    key = it.pair.key.read_bytes()
    it.authority.issue("lb.test", days=90)
    right = it.pair.key.read_bytes()
    it.pair.key.write_bytes(key)
    it.look(5)
    assert it.tls is before
    ((kind, text),) = it.told()
    assert kind == "warning"
    assert "what was there before stays: listener web: tls-certificate" in text
    assert it.service.listeners["web"].renewals.failed == 1
    it.pair.key.write_bytes(right)
    it.look(2)
    assert it.tls is not before


def test_a_file_that_is_gone_is_told(tmp_path) -> None:
    """
    The certificate in memory goes on.
    """
    it = Watched(tmp_path)
    before = it.tls
    os.rename(it.pair.certificate, tmp_path / "elsewhere")
    it.look(3)
    assert it.tls is before
    assert "No such file" in it.told()[0][1]
    os.rename(tmp_path / "elsewhere", it.pair.certificate)
    it.look(3)
    assert len(it.told()) == 1


def test_members_authorities_are_taken(tmp_path) -> None:
    """
    Pools get what is new; a fault leaves them what they have.
    """
    it = Watched(tmp_path)
    (pool,) = it.service.certificates._pools()
    before = pool.tls
    (tmp_path / "other").mkdir()
    it.trusted.write_bytes(Authority(tmp_path / "other").file.read_bytes())
    it.look(2)
    after = pool.tls
    assert after is not before
    assert it.told() == [("reload", "files of TLS read again for 1 member")]
    it.trusted.write_text("nonsense")
    it.look(3)
    assert pool.tls is after
    assert [kind for kind, _ in it.told()] == ["reload", "warning"]
    assert "https://10.0.0.1: sslproxycacertificatefile" in it.told()[1][1]


@pytest.mark.parametrize(
    ("days", "told"),
    [(40.0, ""), (20.5, "ends in 20 days"), (1.5, "ends in 1 day"), (-1, "has ended")],
)
def test_an_end_is_told_in_steps(tmp_path, days, told) -> None:
    """
    Once at the start, and again when the next step is reached.
    """
    it = Watched(tmp_path, days)
    it.look(3)
    assert [text for _, text in it.told()] == (
        [f"listener web: {it.pair.certificate} {told}"] if told else []
    )


def test_a_reload_looks_at_once(tmp_path) -> None:
    """
    A reload takes what is on the disk without waiting for two looks.
    """
    it = Watched(tmp_path)
    before = it.tls
    it.authority.issue("lb.test", days=90)
    it.world.reload(
        TEXT.format(certificate=it.pair.certificate, key=it.pair.key, trusted=it.trusted)
    )
    after = it.tls
    assert after is not before
    it.look(3)
    assert it.tls is after


def test_without_an_interval_nobody_looks(tmp_path) -> None:
    """
    tls-watch = 0 leaves it to reloads.
    """
    it = Watched(tmp_path)
    it.world.reload(
        TEXT.format(certificate=it.pair.certificate, key=it.pair.key, trusted=it.trusted).replace(
            "tls-watch = 5s", "tls-watch = 0"
        )
    )
    before = it.tls
    it.authority.issue("lb.test", days=90)
    it.look(5)
    assert it.tls is before

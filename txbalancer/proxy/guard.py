"""
The guard of a mount: lets those in whom the mount's rules let in.

Whom an address alone decides about is passed on, or refused, at once. For others the
request waits here, with what is there of its body, for names or passwords to be checked.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable
from math import ceil
from typing import TYPE_CHECKING, Any

from txbalancer.core.access import Require
from txbalancer.core.access_rules import Verdict, Visitor, asks_for_users, compile_rules
from txbalancer.core.htpasswd import text_of
from txbalancer.core.mounts import Mount
from txbalancer.core.specs import MountSpec
from txbalancer.errors import StartError
from txbalancer.http1.heads import RequestHead
from txbalancer.net.names import Names
from txbalancer.proxy.credentials import Credentials, Try
from txbalancer.proxy.local import LocalAnswer, page
from txbalancer.proxy.served import local_address
from txbalancer.proxy.waiting import Waiting

if TYPE_CHECKING:
    from txbalancer.proxy.channel import ClientChannel
    from txbalancer.proxy.site import Site

EVERYBODY = Require("all granted")

PATIENCE = 30.0
"""Seconds for which a request waits, at most."""

_TEXTS = {
    "forbidden": (403, "You may not see this."),
    "unauthorized": (401, "A user and a password are needed here."),
    "too-many-guesses": (429, "Too many wrong passwords came from you. Please wait."),
    "access-busy": (503, "Too many are being checked at the moment. Please try again shortly."),
}


class Guard:
    """
    Stands before the target of a mount.

    Who may come in is noted in C{head.visitor}, with a user and with verified names as far as
    C{operate} asks for them, so that pages can tell who may change something.
    """

    __slots__ = ("_judge", "_operate", "_target", "challenge", "credentials", "names")

    def __init__(
        self, spec: MountSpec, target: Any, names: Names, credentials: Credentials | None
    ) -> None:
        """
        @param credentials: of the mount's C{auth-file}.
        @raise StartError: when the rules ask for users and there is no such file.
        """
        for key, rules in (("require", spec.require), ("operate", spec.operate)):
            if credentials is None and asks_for_users(rules):
                raise StartError(f"mount {spec.label}: {key} asks for users: give auth-file = FILE")
        self._judge = compile_rules(spec.require or (EVERYBODY,))
        self._operate = compile_rules(spec.operate or (EVERYBODY,))
        self._target = target
        self.names, self.credentials = names, credentials
        self.challenge = b"WWW-Authenticate: " + challenge(spec)

    def begin(
        self, site: Site, channel: ClientChannel, head: RequestHead, mount: Mount, path: bytes
    ) -> None:
        """
        Take a request at the end of its head.
        """
        peer = head.peer
        if peer.local is None:
            peer.local = local_address(channel)
        # Of a client that a proxy tells of, nothing says on which machine it is.
        visitor = Visitor(peer.client, peer.local, here=peer.through is None)
        head.visitor = visitor
        verdict = self._judge(visitor)
        if verdict is Verdict.GRANTED and self.more(visitor, head) is Verdict.GRANTED:
            self._target.begin(site, channel, head, mount, path)
            return

        def admit() -> None:
            self._target.begin(site, channel, head, mount, path)

        Admission(self, self._judge, site, channel, head, mount, visitor, admit).proceed(verdict)

    def more(self, visitor: Visitor, head: RequestHead) -> Verdict:
        """
        Tell what is to be found out of somebody who may come in, before it is known what more
        may be done; C{GRANTED} for nothing.
        """
        verdict = self._operate(visitor)
        if verdict is Verdict.LOOK_UP:
            return verdict
        if verdict is Verdict.LOGIN and visitor.user is None:
            # Nobody has to log in who only looks.
            return verdict if basic(head.header(b"authorization")) else Verdict.GRANTED
        return Verdict.GRANTED


class Admission(Waiting):
    """
    One request that is not let in at first sight.
    """

    __slots__ = ("_admit", "_attempt", "_guard", "_judge", "_visitor")

    def __init__(
        self,
        guard: Guard,
        judge: Callable[[Visitor], Verdict],
        site: Site,
        channel: ClientChannel,
        head: RequestHead,
        mount: Mount,
        visitor: Visitor,
        admit: Callable[[], None],
    ) -> None:
        super().__init__(site, channel, head, mount, PATIENCE)
        self._guard, self._judge = guard, judge
        self._visitor, self._admit = visitor, admit
        self._attempt: Try | None = None

    # -- deciding

    def proceed(self, verdict: Verdict) -> None:
        """
        Do what a verdict asks for.
        """
        visitor = self._visitor
        if verdict is Verdict.GRANTED:
            verdict = self._guard.more(visitor, self.head)
        if verdict is Verdict.GRANTED:
            self._hand_over(self._admit)
        elif verdict is Verdict.FORBIDDEN:
            self._refuse("forbidden")
        elif verdict is Verdict.LOOK_UP:
            self._guard.names.find(visitor.client, visitor.missing, self._looked_up)
        else:
            self._log_in()

    def _looked_up(self, found: str | None) -> None:
        if self.finished:
            return
        if found is None:
            self._refuse("access-busy")
            return
        self._visitor.names[self._visitor.missing] = found
        self.proceed(self._judge(self._visitor))

    def _log_in(self) -> None:
        credentials = self._guard.credentials
        sent = basic(self.head.header(b"authorization"))
        if sent is None or credentials is None or self._visitor.user is not None:
            self._refuse("unauthorized")
            return
        user, password = sent
        # Apache's log has the name of who tried, too.
        self.head.user = user
        wait = credentials.guesses.wait(self._visitor.client, self.runtime.now())
        if wait and not credentials.remembers(text_of(user), password):
            self._refuse("too-many-guesses", wait)
            return
        attempt = credentials.check(text_of(user), password, self._checked)
        if not self.finished:
            self._attempt = attempt

    def _checked(self, right: bool | None) -> None:
        self._attempt = None
        if right is None:
            self._refuse("access-busy")
        elif not right:
            self._count_wrong()
            self._refuse("unauthorized")
        else:
            user = self.head.user
            assert user is not None, "it was set before the check began"
            self._visitor.user = text_of(user)
            self.proceed(self._judge(self._visitor))

    def _count_wrong(self) -> None:
        credentials = self._guard.credentials
        sent = basic(self.head.header(b"authorization"))
        if credentials is not None and sent is not None:
            guess = credentials.digest(text_of(sent[0]), sent[1])
            credentials.guesses.wrong(self._visitor.client, guess, self.runtime.now())

    def _refuse(self, reason: str, wait: float = 1.0) -> None:
        """
        @param wait: seconds after which it may be tried again, where that can help.
        """
        status, text = _TEXTS[reason]

        def answer() -> None:
            site, head = self._site, self.head
            local = LocalAnswer(site.runtime, self.channel, head, status, reason, self._mount)
            lines, body = page(head, status, reason, text, site.runtime.date_line())
            if status == 401:
                lines.append(self._guard.challenge)
            elif status in (429, 503):
                lines.append(b"Retry-After: %d" % ceil(wait))
            local.send(lines, body)

        self._hand_over(answer)

    def _leave(self) -> None:
        super()._leave()
        attempt, self._attempt = self._attempt, None
        if attempt is not None and self._guard.credentials is not None:
            self._guard.credentials.forget(attempt, self._checked)

    def expired(self, now: float) -> None:
        """
        Give up on a check that takes too long.
        """
        self._refuse("access-busy")


def challenge(spec: MountSpec) -> bytes:
    """
    Return the value of C{WWW-Authenticate} of a mount (RFC 7617).
    """
    realm = (spec.auth_name or "Restricted").replace("\\", "\\\\").replace('"', '\\"')
    return f'Basic realm="{realm}", charset="UTF-8"'.encode()


def basic(header: bytes | None) -> tuple[bytes, bytes] | None:
    """
    Read user and password of an Authorization header; C{None} for none (RFC 7617).
    """
    scheme, _, token = (header or b"").partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        user, colon, password = binascii.a2b_base64(token.strip(), strict_mode=True).partition(b":")
    except binascii.Error:
        return None
    return (user, password) if colon and user else None

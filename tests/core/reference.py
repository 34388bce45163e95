"""
Apache's selection, written down as plainly as APACHE A1 to A34 and S9 to S26 tell it.

It walks all members for every request. The tests run it beside the real thing.
"""

from __future__ import annotations

from txbalancer.core.flags import DRAIN, IGNORE_ERRORS, IN_ERROR, SPARE, STANDBY, STOPPED, usable


class Worker:
    """
    A member, in Apache's word.
    """

    def __init__(self, name, factor, lbset, status, route, redirect, retry):
        self.name, self.factor, self.lbset, self.flags = name, factor, lbset, status
        self.route, self.redirect, self.retry = route, redirect, retry
        self.lbstatus = self.busy = self.elected = self.transferred = self.read = 0
        self.error_time = float("-inf")
        self.retries = 0

    @property
    def usable(self):
        return usable(self.flags)

    def attempt_retry(self, now):
        """A25"""
        if not self.flags & IN_ERROR or self.flags & STOPPED:
            return
        if self.flags & IGNORE_ERRORS or now > self.error_time + self.retry:
            self.flags &= ~IN_ERROR
            self.retries += 1


class Reference:
    """
    A balancer, in O(members) per request.
    """

    def __init__(self, workers, lbmethod, forcerecovery=True):
        self.workers, self.lbmethod, self.forcerecovery = workers, lbmethod, forcerecovery

    def recover(self, now):
        """A30"""
        for worker in self.workers:
            if not worker.flags & IN_ERROR:
                return
            worker.attempt_retry(now)
            if not worker.flags & IN_ERROR:
                return
        if self.forcerecovery:
            for worker in self.workers:
                worker.flags &= ~IN_ERROR
                worker.retries += 1

    def elect(self, now, tried=()):
        """A1"""
        self.recover(now)
        best = None
        compared = []

        def compare(worker):
            nonlocal best
            compared.append(worker)
            if self.lbmethod != "bytraffic":
                worker.lbstatus += worker.factor
            if best is None or self.better(worker, best):
                best = worker

        for lbset in range(100):
            spares, standbys, unusable = [], [], 0
            for worker in self.workers:
                if worker.lbset != lbset:
                    continue
                if worker.flags & DRAIN:
                    if not worker.flags & (SPARE | STANDBY):
                        unusable += 1
                    continue
                if not worker.usable and worker not in tried:
                    worker.attempt_retry(now)
                up = worker.usable and worker not in tried
                if worker.flags & SPARE:
                    if up:
                        spares.append(worker)
                elif worker.flags & STANDBY:
                    if up:
                        standbys.append(worker)
                elif up:
                    compare(worker)
                else:
                    unusable += 1
            for worker in spares[:unusable]:
                compare(worker)
            if best is None:
                for worker in standbys:
                    compare(worker)
            if best is not None:
                break
        if best is not None:
            if self.lbmethod != "bytraffic":
                best.lbstatus -= sum(worker.factor for worker in compared)
            best.elected += 1
            best.busy += 1
        return best

    def better(self, worker, best):
        """A5, A11, A14"""
        if self.lbmethod == "byrequests":
            return worker.lbstatus > best.lbstatus
        if self.lbmethod == "bytraffic":
            return traffic(worker) < traffic(best)
        return worker.busy < best.busy or (
            worker.busy == best.busy and worker.lbstatus > best.lbstatus
        )

    def follow(self, route, now, tried=()):
        """A10"""
        if not any(worker.route == route for worker in self.workers):
            return None
        self.recover(now)
        found = self.find_route(route, now, tried, 1)
        if found is not None:
            total = 0
            for worker in self.workers:
                if worker.usable:
                    worker.lbstatus += worker.factor
                    total += worker.factor
            found.lbstatus -= total
            found.elected += 1
            found.busy += 1
        return found

    def find_route(self, route, now, tried, level):
        """S9, S20"""
        for standby in (False, True):
            for worker in self.workers:
                if bool(worker.flags & STANDBY) != standby or worker.route != route:
                    continue
                if worker not in tried:
                    if not worker.usable:
                        worker.attempt_retry(now)
                    if worker.usable:
                        return worker
                if worker.redirect and level < len(self.workers):
                    found = self.find_route(worker.redirect, now, tried, level + 1)
                    if found is not None:
                        return found
        return None


def traffic(worker):
    return worker.transferred // worker.factor + worker.read // worker.factor

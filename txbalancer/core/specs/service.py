"""
The options of the whole service, and the whole configuration.
"""

from __future__ import annotations

from dataclasses import dataclass

from txbalancer.core import values
from txbalancer.core.specs.balancer import BalancerSpec
from txbalancer.core.specs.fields import option
from txbalancer.core.specs.kinds import NamedText, address_port, memory, named_text, workers
from txbalancer.core.specs.limit import LimitSpec
from txbalancer.core.specs.listener import ListenerSpec
from txbalancer.core.specs.mount import Condition, MountSpec


@dataclass(frozen=True, slots=True)
class GlobalSpec:
    """
    What concerns the whole service.
    """

    workers: int = option(
        workers, 0, "Processes that carry the traffic; 0 = this one does all, auto = one a core."
    )
    worker_timeout: float = option(
        values.duration(0.5, 600.0),
        5.0,
        "A worker that gives no sign of life for so long is replaced.",
    )
    access_log: str = option(values.text(4096, 1), "-", "Access log: a path, - , syslog or off.")
    access_log_format: str = option(
        values.text(4096, 1),
        "combined",
        "Of the access log: common, combined, tcp, json or a LogFormat string. Both are for the"
        " whole service; a listener's own log and format are a [log:NAME].",
    )
    splice: bool = option(
        values.flag,
        True,
        "Whether bulk may go from socket to socket within the system (Linux), not through here.",
    )
    graceful_timeout: float = option(
        values.duration(), 30.0, "How long running exchanges may go on after a stop."
    )
    upgrade_timeout: float = option(
        values.duration(1.0, 3600.0),
        60.0,
        "How long a new process may take to serve in place of this one; else this one goes on.",
    )
    stop_delay: float = option(
        values.duration(),
        0.0,
        "How long a stop is announced, by 503 at health: URLs, while all is still served.",
    )
    error_log: str = option(
        values.text(4096),
        "",
        "Where messages go: a path, - or syslog; empty = where twistd's go.",
        apache_name="ErrorLog",
    )
    log_level: str = option(
        values.choice("debug", "info", "warn", "error"),
        "info",
        "Least weight of a message that is written.",
        apache="warn",
        apache_name="LogLevel",
    )
    defaults: str = option(
        values.choice("modern", "apache"),
        "modern",
        "Whose defaults hold for members, balancers, listeners and mounts.",
    )
    state: str = option(
        values.text(4096),
        "",
        "File in which changes at run time outlive a restart; empty = off.",
        apache_name="BalancerPersist",
    )
    control: str = option(
        values.text(4096, 1),
        "auto",
        "Socket on which txbalancer commands reach this service: a path, auto or off.",
    )
    max_connections: int = option(
        values.integer(0, 10000000),
        0,
        "Most client connections at once, of all listeners but reserved ones; more are closed at"
        " once. 0 = no limit. As maxconn in HAProxy's global section.",
    )
    memory_limit: int = option(
        memory,
        0,
        "Memory of this process (RSS) above which no more connections are accepted but on"
        " reserved listeners, until it is a twentieth below; a percentage is of the container's"
        " limit, or of the machine's memory. 0 = no limit.",
    )
    event_log: str = option(
        values.text(4096, 1),
        "off",
        "Changes of state and by people, as JSON lines: a path, - , syslog or off.",
    )
    hcexpr: tuple[NamedText, ...] = option(
        values.each_line(named_text),
        (),
        "Expressions of health checks: NAME EXPRESSION.",
        apache_name="ProxyHCExpr",
    )
    hctpsize: int = option(
        values.integer(0, 100000),
        0,
        "Most health checks at once; 0 = no limit.",
        apache=16,
        apache_name="ProxyHCTPsize",
    )
    tls_watch: float = option(
        values.duration(),
        5.0,
        "How often files of certificates, keys and CAs are looked at, to take what is new; 0 ="
        " only with a reload.",
    )
    heartbeat_listen: str = option(
        address_port,
        "",
        "ADDRESS:PORT on which reports of lbmethod heartbeat arrive; may be a multicast group.",
        apache_name="HeartbeatListen",
    )
    heartbeat_storage: str = option(
        values.text(4096),
        "",
        "File with the latest reports, written where heartbeat-listen is set, else only read.",
        apache_name="HeartbeatStorage",
    )
    heartbeat_maxservers: int = option(
        values.zero_or(values.integer(10, 1000000)),
        1000,
        "Most senders whose reports are kept in memory; 0 = only in heartbeat-storage.",
        apache=10,
        apache_name="HeartbeatMaxServers",
    )
    heartbeat_address: str = option(
        address_port,
        "",
        "ADDRESS:PORT to which this service reports its own load every second.",
        apache_name="HeartbeatAddress",
    )


@dataclass(frozen=True, slots=True)
class LogSpec:
    """
    Access logs of some requests: C{[log:NAME]}. The first that accepts a request takes
    it; the service's own access log has those that no other takes.

    @ivar files: (where, format) pairs: a path, C{-}, C{syslog} or C{off}, and a LogFormat.
    @ivar conditions: as of mounts; all must hold.
    """

    name: str
    files: tuple[tuple[str, str], ...]
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """
    A whole configuration, in file order.
    """

    service: GlobalSpec = GlobalSpec()
    listeners: tuple[ListenerSpec, ...] = ()
    balancers: tuple[BalancerSpec, ...] = ()
    mounts: tuple[MountSpec, ...] = ()
    logs: tuple[LogSpec, ...] = ()
    limits: tuple[LimitSpec, ...] = ()

    def told(self) -> str:
        """
        Say in a few words how much there is.
        """
        parts = ("listener", self.listeners), ("balancer", self.balancers), ("mount", self.mounts)
        return ", ".join(values.counted(len(found), what) for what, found in parts)

    @property
    def guards_identity(self) -> bool:
        """
        Whether members are told of clients' certificates, so that no listener may let a
        client say it.
        """
        return any(each.tls_client_headers for each in self.listeners)

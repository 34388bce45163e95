"""
What Apache takes as parameters, and what differs here: rows of the table of all parameters.
"""

from __future__ import annotations

from typing import NamedTuple

SAME, MAPPED, NO = "same", "mapped", "no"


class Row(NamedTuple):
    """
    One parameter.

    @ivar item: of Apache's behaviour.
    @ivar takes: what Apache 2.4.71 takes.
    @ivar default: what holds there when it is not given.
    @ivar verdict: L{SAME}, L{MAPPED} or L{NO}.
    @ivar note: what differs, or why not.
    @ivar allowed: for one that is no option of the same name.
    """

    item: str
    key: str
    takes: str
    default: str
    verdict: str
    note: str = ""
    allowed: str = ""


OF_MEMBERS = (
    Row("W1", "loadfactor", "1 to 100, two decimals", "1", SAME),
    Row("W2", "lbset", "0 to 99", "0", SAME),
    Row(
        "W3", "route", "up to 63 characters", "none", SAME, "What a cookie cannot hold is refused."
    ),
    Row("W4", "redirect", "up to 63 characters", "none", SAME, "As route."),
    Row("W5", "status", "letters after + or -", "none", SAME, "All of Apache's letters."),
    Row("W6", "retry", "whole seconds, 0 or more", "60", SAME, "Counts from maxfails failures on."),
    Row(
        "W7",
        "timeout",
        "whole seconds, 1 or more",
        "ProxyTimeout, else TimeOut, else 60",
        SAME,
        "A member that is silent for so long is answered for with 504, not 502.",
    ),
    Row("W8", "connectiontimeout", "1 ms or more", "timeout", SAME),
    Row("W9", "ping", "1 ms or more", "off", SAME, "0 is off, as Apache's manual has it."),
    Row(
        "W10",
        "max",
        "0 or more; 0 = default",
        "threads of a process",
        SAME,
        "One process serves all, so there is no limit unless one is given.",
    ),
    Row("W11", "min", "0 or more", "0", SAME, "Kept however old; not opened beforehand."),
    Row("W12", "smax", "0 or more", "max", SAME),
    Row("W13", "ttl", "whole seconds, 1 or more", "none", SAME, "0 is none."),
    Row(
        "W14",
        "acquire",
        "1 ms or more; bare numbers are ms",
        "waits for ever",
        SAME,
        "A wait that is over is answered 503 and does not put the member out.",
    ),
    Row("W15", "disablereuse", "On or Off", "Off", SAME),
    Row(
        "W16",
        "enablereuse",
        "On or Off",
        "On",
        MAPPED,
        "The opposite of disablereuse, which INI has.",
        "On or Off",
    ),
    Row("W17", "keepalive", "On or Off", "Off", SAME),
    Row(
        "W18",
        "flushpackets",
        "on, off or auto",
        "off",
        NO,
        "For ajp and fcgi, in Apache too. Answers are passed on as they come.",
    ),
    Row("W19", "flushwait", "0 to 1000 ms", "10", NO, "As flushpackets."),
    Row(
        "W20",
        "iobuffersize",
        "0, or 512 or more",
        "8192",
        MAPPED,
        "The most that is read from the member at once; there is no buffer that is kept."
        " Of ajp members it is packetSize.",
    ),
    Row("W21", "receivebuffersize", "0, or 512 or more", "0", SAME, "SO_RCVBUF of connections."),
    Row(
        "W22", "responsefieldsize", "0 = 8192, or more", "8192", SAME, "0 in Apache's syntax only."
    ),
    Row("W23", "secret", "up to 63 characters", "none", SAME, "For ajp members."),
    Row(
        "W24",
        "upgrade",
        "up to 15 characters, ANY or NONE",
        "none",
        SAME,
        "ws:// and wss:// members have upgrade=websocket, and one pool with http:// ones.",
    ),
    Row("W25", "flusher", "up to 15 characters", "flush", NO, "For fdpass, which is not here."),
    Row("W26", "addressttl", "-1, or whole seconds", "-1", SAME),
    Row("W27", "multipathtcp", "not in 2.4", "", NO, "An error: Apache 2.4 has none either."),
)

OF_CHECKS = (
    Row(
        "C1",
        "hcmethod",
        "none, tcp, options, head, get, options11, head11, get11, cping",
        "none",
        SAME,
        "cping asks ajp members, the others but tcp those of http and https.",
    ),
    Row("C1", "hcinterval", "100 ms or more", "30", SAME),
    Row(
        "C1",
        "hcpasses",
        "0 to 1000; 0 = 1",
        "1",
        SAME,
        "Apache's syntax counts as Apache does: hccounting.",
    ),
    Row("C1", "hcfails", "0 to 1000; 0 = 1", "1", SAME, "As hcpasses."),
    Row(
        "C1",
        "hcuri",
        "up to 1023 characters",
        "none",
        SAME,
        "63 in Apache. Starts with a slash. Without one / is asked for, where Apache sends junk.",
    ),
    Row(
        "C1",
        "hcexpr",
        "a declared name",
        "none",
        SAME,
        "Declared by ProxyHCExpr, or hcexpr in [txbalancer].",
    ),
    Row(
        "C1",
        "hctemplate",
        "a declared name",
        "none",
        SAME,
        "In Apache's syntax all six settings come from the template, as in Apache.",
        "a declared name",
    ),
)

OF_BALANCERS = (
    Row(
        "B1",
        "lbmethod",
        "byrequests, bytraffic, bybusyness, heartbeat",
        "byrequests",
        SAME,
        "In any case; hash, leastload and plugins' beside.",
    ),
    Row(
        "B2",
        "stickysession",
        "NAME or COOKIE|PATHNAME",
        "off",
        SAME,
        "More than 63 characters are refused, where Apache cuts them off.",
    ),
    Row("B3", "stickysessionsep", "one character or Off", ".", SAME),
    Row("B4", "scolonpathdelim", "On or Off", "Off", SAME),
    Row("B5", "nofailover", "On or Off", "Off", SAME),
    Row(
        "B6",
        "timeout",
        "whole seconds, 1 or more",
        "0",
        SAME,
        "Requests wait in a queue, not in a loop.",
    ),
    Row("B7", "maxattempts", "0 or more", "members less one", SAME),
    Row("B8", "failonstatus", "codes 100 to 599, by commas or blanks", "none", SAME),
    Row("B9", "failontimeout", "On or Off", "Off", SAME),
    Row("B10", "forcerecovery", "On or Off", "On", SAME),
    Row("B11", "growth", "1 to 100", "0", SAME, "In INI from 0 to 1000."),
    Row("B12", "nonce", "up to 36 characters, or None", "new at each start", SAME),
)

OF_MOUNTS = (
    Row("W29", "mapping", "encoded or servlet", "neither", SAME, "", "normal, encoded or servlet"),
    Row("W29", "nocanon", "the bare word", "Off", SAME, "", "the bare word; in INI On or Off"),
    Row("W29", "noquery", "the bare word", "Off", SAME, "", "the bare word; in INI On or Off"),
    Row("W29", "interpolate", "the bare word", "Off", NO, "Targets are read once: an error."),
)

OF_DIRECTIVES = (
    Row("B16", "BalancerGrowth", "0 to 1000", "5", NO, "Balancers are not added at run time."),
    Row(
        "B16", "BalancerPersist", "On or Off", "Off", MAPPED, "state in [txbalancer].", "On or Off"
    ),
    Row(
        "B16",
        "BalancerInherit",
        "On or Off",
        "On",
        SAME,
        "As in Apache, main server's balancers are shared unless ProxyPassInherit is Off too.",
        "On or Off",
    ),
    Row("B16", "ProxyPassInherit", "On or Off", "On", SAME, "See BalancerInherit.", "On or Off"),
    Row(
        "B16",
        "ProxyTimeout",
        "whole seconds, 1 or more",
        "TimeOut",
        SAME,
        "The timeout of members that give none.",
        "duration, 1ms or more",
    ),
    Row(
        "B16",
        "ProxyStatus",
        "off, on or full",
        "off",
        MAPPED,
        "server-status: shows balancers always.",
        "off, on or full",
    ),
    Row("B16", "ProxyMaxForwards", "-1, or 0 and more", "-1", SAME, "", "-1, or 0 and more"),
    Row("B16", "Proxy100Continue", "On or Off", "On", SAME, "", "On or Off"),
    Row("B16", "ProxyVia", "off, on, full or block", "off", SAME, "", "off, on, full or block"),
    Row(
        "B16",
        "ProxyBadHeader",
        "IsError, Ignore or StartBody",
        "IsError",
        SAME,
        "badheader of members. A body that begins without a head is refused always.",
        "IsError or Ignore",
    ),
    Row(
        "B16",
        "ProxyErrorOverride",
        "Off, On or codes 400 to 599",
        "Off",
        SAME,
        "erroroverride of mounts.",
        "Off, On or codes 400 to 599",
    ),
    Row(
        "B16",
        "ProxyIOBufferSize",
        "0, or 512 or more",
        "8192",
        MAPPED,
        "iobuffersize of members that give none.",
        "0, or 512 to 1M",
    ),
    Row(
        "B16",
        "ProxyReceiveBufferSize",
        "0, or 512 or more",
        "0",
        SAME,
        "receivebuffersize of members that give none.",
        "0, or 512 to 1G",
    ),
)

"""
HAProxy: one thread, no master process.
"""

from pathlib import Path

from bench.proxies.base import Proxy
from bench.site import COOKIE, IDLE_TIMEOUT, Site, Wire

CONFIG = """\
global
    nbthread 1
    maxconn {clients}
    log stdout format raw local0
    stats socket {folder}/haproxy.sock

defaults
    mode http
    log global
    option httplog
    http-reuse always
    timeout connect 5s
    timeout client {idle}s
    timeout server 60s
    timeout http-request 20s
    timeout http-keep-alive {idle}s

frontend web
    bind 127.0.0.1:{port}
{tls}    capture request header Referer len 128
    capture request header User-Agent len 256
    default_backend bench

backend bench
    balance roundrobin
    cookie {cookie}
    option forwardfor
    option httpchk GET /health
    http-check expect status 200
    default-server check inter {interval}s
{members}
{tcp}"""

TCP = """
listen raw
    mode tcp
    option tcplog
    bind 127.0.0.1:{port}
    balance roundrobin
{members}
"""


def render(site: Site) -> str:
    """
    A complete haproxy.cfg.
    """
    wire = site.wire
    return CONFIG.format(
        tls=f"    bind 127.0.0.1:{wire.tls} ssl crt {wire.pem} alpn h2,http/1.1\n" if wire else "",
        tcp=raw(site, wire) if wire else "",
        clients=site.clients,
        folder=site.folder,
        idle=IDLE_TIMEOUT,
        port=site.port,
        cookie=COOKIE,
        interval=site.interval,
        members="\n".join(
            f"    server {member.route} {member.address} cookie .{member.route}"
            for member in site.members
        ),
    )


def raw(site: Site, wire: Wire) -> str:
    """
    The part that passes bytes on.
    """
    members = "\n".join(f"    server {each.route} {each.address}" for each in site.members)
    return TCP.format(port=wire.tcp, members=members)


def command(program: str, config: Path, site: Site) -> list[str]:
    """
    In the foreground; standard output is the access log.
    """
    return [program, "-db", "-f", str(config)]


def check(program: str, config: Path, site: Site) -> list[str]:
    """
    Checks the configuration.
    """
    return [program, "-c", "-f", str(config)]


PROXY = Proxy(
    name="haproxy",
    title="HAProxy",
    program="haproxy",
    render=render,
    command=command,
    check=check,
    version=("-v",),
    note="nbthread 1, roundrobin, httplog with Referer and User-Agent to standard output, "
    "which is a file: one write per line.",
)

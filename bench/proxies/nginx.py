"""
nginx: one worker.
"""

from collections.abc import Iterable
from pathlib import Path

from bench.proxies.base import Proxy
from bench.site import COOKIE, IDLE_TIMEOUT, Member, Site, Wire

STREAM = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
"""Debian's package libnginx-mod-stream."""

CONFIG = """\
{load}daemon off;
worker_processes 1;
{user}error_log {folder}/nginx-error.log;
pid {folder}/nginx.pid;
events {{ worker_connections {connections}; }}
http {{
    access_log {log} combined buffer=64k flush=1s;
    server_tokens off;
    keepalive_timeout {idle}s;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/nginx-body;
    proxy_temp_path {folder}/nginx-proxy;
    fastcgi_temp_path {folder}/nginx-fastcgi;
    uwsgi_temp_path {folder}/nginx-uwsgi;
    scgi_temp_path {folder}/nginx-scgi;

{pools}
    map $cookie_{cookie} $pool {{
        default any;
{routes}
    }}
    server {{
        listen 127.0.0.1:{port};
{tls}        location = /nginx-status {{ stub_status; access_log off; }}
        location / {{
            proxy_pass http://$pool;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_max_temp_file_size 0;
        }}
    }}
}}
{tcp}"""

TCP = """
stream {{
    log_format raw '$remote_addr [$time_local] $status $bytes_sent $session_time $upstream_addr';
    access_log {log} raw buffer=64k flush=1s;
    upstream raw {{ {servers} }}
    server {{ listen 127.0.0.1:{port}; proxy_pass raw; }}
}}
"""


def pool(name: str, addresses: Iterable[str]) -> str:
    """
    One group of addresses with kept connections.
    """
    lines = "".join(f" server {address};" for address in addresses)
    return (
        f"    upstream {name} {{{lines} keepalive 128;"
        f" keepalive_requests 1000000000; keepalive_timeout 1h; }}"
    )


def pools(members: Iterable[Member]) -> str:
    """
    A group of all, and for each route a group that falls back on the others.
    """
    known = list(members)
    found = [pool("any", (member.address for member in known))]
    for member in known:
        others = (f"{other.address} backup" for other in known if other is not member)
        found.append(pool(member.route, [member.address, *others]))
    return "\n".join(found)


def tls(wire: Wire) -> str:
    """
    HTTPS on a further port of the same site.
    """
    return (
        f"        listen 127.0.0.1:{wire.tls} ssl http2;\n"
        f"        ssl_certificate {wire.pem};\n"
        f"        ssl_certificate_key {wire.pem};\n"
    )


def tcp(site: Site, wire: Wire) -> str:
    """
    The part that passes bytes on.
    """
    servers = " ".join(f"server {each.address};" for each in site.members)
    return TCP.format(port=wire.tcp, servers=servers, log=site.log("nginx-raw"))


def render(site: Site) -> str:
    """
    A complete nginx.conf.
    """
    return CONFIG.format(
        load=f"load_module {STREAM};\n" if site.wire else "",
        tcp=tcp(site, site.wire) if site.wire else "",
        tls=tls(site.wire) if site.wire else "",
        user="user root;\n" if site.root else "",
        folder=site.folder,
        connections=2 * site.clients,
        log=site.log("nginx"),
        idle=IDLE_TIMEOUT,
        pools=pools(site.members),
        cookie=COOKIE,
        routes="\n".join(f'        ".{member.route}" {member.route};' for member in site.members),
        port=site.port,
    )


def command(program: str, config: Path, site: Site) -> list[str]:
    """
    In the foreground; the master process starts the one worker.
    """
    return [program, "-e", "stderr", "-p", str(site.folder), "-c", str(config)]


def check(program: str, config: Path, site: Site) -> list[str]:
    """
    Checks the configuration.
    """
    return [*command(program, config, site), "-t"]


PROXY = Proxy(
    name="nginx",
    title="nginx",
    program="nginx",
    render=render,
    command=command,
    check=check,
    version=("-v",),
    note="one worker; without the commercial modules it has neither active health checks nor "
    "sticky cookies: a map on the cookie chooses the group; log lines buffered (64k, 1 s).",
    probes=False,
)

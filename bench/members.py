"""
The members: two nginx processes with one worker each, all on the core of the load.
"""

from collections.abc import Sequence
from pathlib import Path

from bench.site import BIG_BYTES, BODY

CONFIG = """\
daemon off;
worker_processes 1;
{user}error_log {folder}/member-{name}-error.log;
pid {folder}/member-{name}.pid;
events {{ worker_connections {connections}; }}
http {{
    access_log off;
    server_tokens off;
    sendfile on;
    tcp_nodelay on;
    keepalive_timeout 1h;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/member-{name}-body;
    proxy_temp_path {folder}/member-{name}-proxy;
    fastcgi_temp_path {folder}/member-{name}-fastcgi;
    uwsgi_temp_path {folder}/member-{name}-uwsgi;
    scgi_temp_path {folder}/member-{name}-scgi;
    server {{
{listens}
        default_type text/plain;
        add_header X-Member {name};
        location / {{ return 200 "{body}\\n"; }}
        location = /health {{
            access_log {folder}/health.log;
            return 200 "{body}\\n";
        }}
        location = /big {{ root {folder}; }}
    }}
}}
"""


def render(name: str, addresses: Sequence[str], port: int, folder: Path, root: bool) -> str:
    """
    The nginx configuration of one member that listens on C{port} of each address.
    """
    return CONFIG.format(
        name=name,
        folder=folder,
        user="user root;\n" if root else "",
        connections=len(addresses) + 8192,
        listens="\n".join(f"        listen {address}:{port};" for address in addresses),
        body=BODY.decode().rstrip("\n"),
    )


def write_big(folder: Path) -> None:
    """
    Make the file that C{/big} answers with.
    """
    block = bytes(range(256)) * 3906 + b"x" * 64
    with (folder / "big").open("wb") as out:
        for _ in range(BIG_BYTES // len(block)):
            out.write(block)


def command(program: str, config: Path) -> list[str]:
    """
    The command line of a member.
    """
    return [program, "-e", "stderr", "-p", str(config.parent), "-c", str(config)]

"""
Caddy: GOMAXPROCS=1.
"""

import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path

from bench.proxies.base import Proxy
from bench.site import COOKIE, IDLE_TIMEOUT, Member, Site

SECRET = "bench"

CONFIG = """\
{{
    admin off
    auto_https off
    servers {{
        metrics
        timeouts {{
            idle {idle}s
        }}
    }}
}}
:{port} {{
    bind 127.0.0.1
    log {{
        output file {log} {{
            roll_disabled
        }}
    }}
    reverse_proxy {members} {{
        lb_policy cookie {cookie} {secret}
        health_uri /health
        health_interval {interval}s
        transport http {{
            keepalive 1h
            keepalive_idle_conns_per_host 128
        }}
    }}
}}
"""


def render(site: Site) -> str:
    """
    A complete Caddyfile.
    """
    return CONFIG.format(
        idle=IDLE_TIMEOUT,
        port=site.port,
        log=site.log("caddy"),
        members=" ".join(member.address for member in site.members),
        cookie=COOKIE,
        secret=SECRET,
        interval=site.interval,
    )


def command(program: str, config: Path, site: Site) -> list[str]:
    """
    In the foreground.
    """
    return [program, "run", "--config", str(config), "--adapter", "caddyfile"]


def check(program: str, config: Path, site: Site) -> list[str]:
    """
    Checks the configuration.
    """
    return [program, "validate", "--config", str(config), "--adapter", "caddyfile"]


def cookie(member: Member) -> str:
    """
    Caddy's cookie is a keyed hash of the member's address.
    """
    return hmac.new(SECRET.encode(), member.address.encode(), hashlib.sha256).hexdigest()


def environment(site: Site) -> Mapping[str, str]:
    """
    One processor, and no traces in the user's folders.
    """
    return {
        "GOMAXPROCS": "1",
        "HOME": str(site.folder),
        "XDG_CONFIG_HOME": str(site.folder),
        "XDG_DATA_HOME": str(site.folder),
    }


PROXY = Proxy(
    name="caddy",
    title="Caddy",
    program="caddy",
    render=render,
    command=command,
    check=check,
    version=("version",),
    note="GOMAXPROCS=1; it sets a cookie in each answer to a request without one; JSON log "
    "with all request headers, its only kind.",
    cookie=cookie,
    environment=environment,
    wire=False,
)

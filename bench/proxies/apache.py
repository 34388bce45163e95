"""
Apache httpd: event MPM, one child, mod_proxy_balancer.
"""

from pathlib import Path

from bench.proxies.base import Proxy
from bench.site import COOKIE, IDLE_TIMEOUT, Site, Wire

MODULES = Path("/usr/lib/apache2/modules")
NEEDED = (
    "mpm_event",
    "authz_core",
    "reqtimeout",
    "status",
    "slotmem_shm",
    "proxy",
    "proxy_http",
    "proxy_balancer",
    "lbmethod_byrequests",
    "proxy_hcheck",
)

WIRE = ("socache_shmcb", "ssl", "http2")

CONFIG = """\
ServerRoot {folder}
ServerName bench.test
DefaultRuntimeDir {folder}
PidFile {folder}/apache.pid
ErrorLog {folder}/apache-error.log
LogLevel warn
{user}{modules}

Listen 127.0.0.1:{port}
{tls}StartServers 1
ServerLimit 1
ThreadLimit 128
ThreadsPerChild 128
MaxRequestWorkers 128
MinSpareThreads 1
MaxSpareThreads 256
AsyncRequestWorkerFactor {factor}
MaxConnectionsPerChild 0
ListenBackLog 1024

KeepAlive On
KeepAliveTimeout {idle}
MaxKeepAliveRequests 0
RequestReadTimeout header=20-40,minrate=500 body=20,minrate=500
HostnameLookups Off
ServerTokens Prod
ExtendedStatus On

LogFormat "%h %l %u %t \\"%r\\" %>s %b \\"%{{Referer}}i\\" \\"%{{User-Agent}}i\\"" combined
BufferedLogs On
CustomLog {log} combined

ProxyRequests Off
<Proxy balancer://bench>
{members}
    ProxySet lbmethod=byrequests stickysession={cookie}
</Proxy>
ProxyPass / balancer://bench/
ProxyPassReverse / balancer://bench/
"""


def tls(wire: Wire) -> str:
    """
    HTTPS on a further port; a virtual host takes everything else from the main server.
    """
    return f"""\
Listen 127.0.0.1:{wire.tls}
Protocols h2 http/1.1
<VirtualHost 127.0.0.1:{wire.tls}>
    SSLEngine on
    SSLCertificateFile {wire.pem}
    ProxyPass / balancer://bench/
    ProxyPassReverse / balancer://bench/
</VirtualHost>
"""


def render(site: Site) -> str:
    """
    A complete httpd.conf.
    """
    names = NEEDED + (WIRE if site.wire else ())
    return CONFIG.format(
        tls=tls(site.wire) if site.wire else "",
        folder=site.folder,
        port=site.port,
        log=site.log("apache"),
        idle=IDLE_TIMEOUT,
        cookie=COOKIE,
        factor=site.clients // 32,
        user="User www-data\nGroup www-data\n" if site.root else "",
        modules="\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in names),
        members="\n".join(
            f"    BalancerMember http://{member.address} route={member.route} "
            f"hcmethod=GET hcuri=/health hcinterval={site.interval}"
            for member in site.members
        ),
    )


def command(program: str, config: Path, site: Site) -> list[str]:
    """
    In the foreground; the control process starts the one child.
    """
    return [program, "-f", str(config), "-DFOREGROUND"]


def check(program: str, config: Path, site: Site) -> list[str]:
    """
    Checks the configuration.
    """
    return [program, "-f", str(config), "-t"]


PROXY = Proxy(
    name="apache",
    title="Apache",
    program="apache2",
    render=render,
    command=command,
    check=check,
    version=("-v",),
    raw=False,
    note="event MPM, one child with 128 threads, byrequests, mod_status, mod_reqtimeout as in "
    "Debian, no other modules than needed; log lines buffered (BufferedLogs).",
)

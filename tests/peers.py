"""
Programs of Debian as members, clients and rivals in tests.

Each runs as one child process of the test run, from a folder of its own, on a free
port of 127.0.0.1, and is stopped by its process id. A program that is not installed
skips the test and says why; with C{TXB_REQUIRE_PEERS=1} it fails the test.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Self

import pytest

PACKAGES = {
    "nginx": "nginx",
    "apache2": "apache2",
    "haproxy": "haproxy",
    "tomcat10": "tomcat10 and tomcat10-examples",
    "php-fpm": "php-fpm",
    "wrk": "wrk",
    "chromium": "chromium",
    "curl": "curl",
    "openssl": "openssl",
    "testssl": "testssl.sh",
    "h2load": "nghttp2-client",
    "nghttp": "nghttp2-client",
    "nghttpx": "nghttp2-proxy",
    "slowhttptest": "slowhttptest",
    "redis-server": "redis-server",
    "redis-cli": "redis-tools",
    "dig": "bind9-dnsutils",
    "dnsmasq": "dnsmasq-base",
    "unbound": "unbound",
    "man": "man-db",
    "mandoc": "mandoc",
    "zsh": "zsh",
    "fish": "fish",
    "dpkg-buildpackage": "dpkg-dev",
    "dh": "debhelper",
    "dh_python3": "dh-python",
    "lintian": "lintian",
    "unshare": "util-linux",
    "systemd-analyze": "systemd",
    "systemd-socket-activate": "systemd",
}
TOMCAT = Path("/usr/share/tomcat10")
TOMCAT_EXAMPLES = Path("/usr/share/tomcat10-examples/examples")
APACHE_MODULES = Path("/usr/lib/apache2/modules")

START_SECONDS = 60.0
STOP_SECONDS = 10.0


def which(name: str) -> str | None:
    """
    Find a program; the system folders count even when PATH lacks them.
    """
    path = os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin:/sbin"
    if name == "tomcat10":
        found = TOMCAT.is_dir() and TOMCAT_EXAMPLES.is_dir() and shutil.which("java", path=path)
        return str(TOMCAT / "bin/catalina.sh") if found else None
    if name == "php-fpm":
        # Debian's program has its version in its name.
        found = sorted(Path("/usr/sbin").glob("php-fpm[0-9]*"))
        return str(found[-1]) if found else None
    return shutil.which(name, path=path)


def require(name: str) -> str:
    """
    Return the path of a program, or end the test: a skip, or a failure when peers are required.
    """
    found = which(name)
    if found is not None:
        return found
    reason = f"{name} is not installed (Debian package {PACKAGES.get(name, name)})"
    if os.environ.get("TXB_REQUIRE_PEERS", "0") not in ("", "0"):
        pytest.fail(f"{reason}, and TXB_REQUIRE_PEERS asks for it", pytrace=False)
    pytest.skip(reason)


class Ports:
    """
    Ports that no other run of tests on this machine uses, and no outgoing connection either.

    Each process takes a block of them, below those of L{bench.site} and the ephemeral ones. What
    marks it as taken is an abstract socket, which goes with the process, however that ends.
    """

    FIRST, LAST, BLOCK = 10000, 20000, 400

    def __init__(self) -> None:
        self._ports = self._block()

    def _block(self) -> Iterator[int]:
        taken = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        for first in range(self.FIRST, self.LAST, self.BLOCK):
            with suppress(OSError):
                taken.bind(f"\0txbalancer-ports-{first}")
                # Nothing closes it but the end of the process.
                taken.detach()
                return cycle(range(first, first + self.BLOCK))
        taken.close()
        raise RuntimeError("too many runs of tests at once: no block of ports is left")

    def free(self, *addresses: str) -> int:
        """
        Return a port that is free just now at some addresses, one after the other of the block.
        """
        return next(port for port in self._ports if all(_is_free(each, port) for each in addresses))


def _is_free(address: str, port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True


@cache
def _ports(_process: int) -> Ports:
    return Ports()


def free_port(*addresses: str) -> int:
    """
    Return a port that is free at 127.0.0.1, or at all of the addresses given, for TCP and UDP.
    """
    return _ports(os.getpid()).free(*(addresses or ("127.0.0.1",)))


def is_listening(port: int) -> bool:
    """
    Tell whether something accepts connections on a port of 127.0.0.1.
    """
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Peer:
    """
    One program, started and stopped as often as a test likes on the same port.

    @ivar folder: where its configuration, log (C{output.log}) and documents are.
    @ivar process: the running process, or C{None}.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        port: int,
        folder: Path,
        env: dict[str, str] | None = None,
    ) -> None:
        self.name, self.port, self.folder = name, port, folder
        self.url = f"http://127.0.0.1:{port}"
        self.process: subprocess.Popen[bytes] | None = None
        self._command, self._env = command, env

    def start(self) -> Self:
        """
        Start it and wait until it accepts connections, for at most START_SECONDS.
        """
        with (self.folder / "output.log").open("ab") as output:
            self.process = subprocess.Popen(
                self._command,
                cwd=self.folder,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not is_listening(self.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                pytest.fail(f"{self.name} did not start:\n{self.log()}", pytrace=False)
            time.sleep(0.02)
        return self

    def log(self) -> str:
        """
        Return the end of what the program printed.
        """
        return (self.folder / "output.log").read_text(errors="replace")[-4000:]

    def signal(self, number: signal.Signals) -> None:
        """
        Send it a signal; SIGSTOP makes a member that accepts and never answers.
        """
        assert self.process is not None, f"{self.name} is not running"
        self.process.send_signal(number)

    def kill(self) -> None:
        """
        End it at once, as a crash would, with all its processes.
        """
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """
        End it politely, by force after STOP_SECONDS; harmless when it is not running.
        """
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self.process is None:
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(number)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


class Peers:
    """
    Starts programs, and stops them and removes their folders at the end of a C{with} block.
    """

    def __init__(self) -> None:
        self._exits = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._exits.close()

    def nginx(self, server: str, http: str = "") -> Peer:
        """
        Start nginx.

        @param server: directives of its one C{server} block, which already listens.
        @param http: directives beside that block.
        """
        program = require("nginx")
        folder, port = self.folder(), free_port()
        temp = "\n".join(
            f"{kind}_temp_path {folder}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (folder / "nginx.conf").write_text(
            f"daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\n"
            "error_log stderr warn;\nevents { worker_connections 8192; }\n"
            f"http {{\naccess_log off;\nkeepalive_requests 1000000;\n{temp}\n{http}\n"
            f"server {{\nlisten 127.0.0.1:{port};\n{server}\n}}\n}}\n"
        )
        command = [program, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]
        return self.start("nginx", command, port, folder)

    def apache2(self, directives: str, modules: Iterable[str] = ()) -> Peer:
        """
        Start Apache httpd in one process with threads, serving C{htdocs} of its folder.

        @param directives: what goes into its httpd.conf beside the bare needs.
        @param modules: names such as C{proxy_balancer}, beside those always loaded.
        """
        program = require("apache2")
        folder, port = self.folder(), free_port()
        (folder / "htdocs").mkdir()
        loaded = dict.fromkeys(("mpm_event", "authz_core", "mime", *modules))
        lines = [f"LoadModule {each}_module {APACHE_MODULES}/mod_{each}.so" for each in loaded]
        if os.getuid() == 0:
            lines += ["User www-data", "Group www-data"]
        (folder / "httpd.conf").write_text(
            "\n".join(lines) + f"\nServerRoot {folder}\nDefaultRuntimeDir {folder}\n"
            f"PidFile {folder}/apache.pid\nErrorLog /dev/stderr\nTypesConfig /dev/null\n"
            f"Mutex file:{folder} default\nServerName 127.0.0.1\nListen 127.0.0.1:{port}\n"
            f"DocumentRoot {folder}/htdocs\n{directives}\n"
        )
        command = [program, "-X", "-f", str(folder / "httpd.conf")]
        return self.start("apache2", command, port, folder)

    def haproxy(self, config: str) -> Peer:
        """
        Start HAProxy.

        @param config: its sections beside C{global}; C{PORT} in it becomes the port to bind.
        """
        program = require("haproxy")
        folder, port = self.folder(), free_port()
        (folder / "haproxy.cfg").write_text(
            "global\n    log stdout format raw local0 notice\n\n"
            + config.replace("PORT", str(port))
        )
        command = [program, "-db", "-f", str(folder / "haproxy.cfg")]
        return self.start("haproxy", command, port, folder)

    def redis(self, *options: str) -> Peer:
        """
        Start Redis, which keeps nothing.
        """
        program = require("redis-server")
        folder, port = self.folder(), free_port()
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
        command += ["--appendonly", "no", "--maxclients", "4000", *options]
        return self.start("redis-server", command, port, folder)

    def tomcat10(self, route: str = "", ajp: str = "", apps: str = "") -> Peer:
        """
        Start Tomcat with Debian's example applications under C{/examples}.

        @param route: C{jvmRoute}, which Tomcat puts behind the dot of each session id.
        @param ajp: speak AJP rather than HTTP, with these further attributes of the connector.
        @param apps: further C{Context} elements.
        """
        program = require("tomcat10")
        folder, port = self.folder(), free_port()
        for each in ("conf", "logs", "temp", "webapps", "work"):
            (folder / each).mkdir()
        shutil.copy(TOMCAT / "etc/web.xml", folder / "conf")
        jvm_route = f'jvmRoute="{route}"' if route else ""
        connector = f'protocol="AJP/1.3" {ajp}' if ajp else 'protocol="HTTP/1.1"'
        (folder / "conf/server.xml").write_text(
            f'<Server port="-1"><Service name="Catalina">\n'
            f'<Connector port="{port}" address="127.0.0.1" {connector}/>\n'
            f'<Engine name="Catalina" defaultHost="localhost" {jvm_route}>\n'
            f'<Host name="localhost" appBase="webapps" autoDeploy="false">\n'
            f'<Context path="/examples" docBase="{TOMCAT_EXAMPLES}"/>{apps}\n'
            f"</Host></Engine></Service></Server>\n"
        )
        env = {
            **os.environ,
            "CATALINA_HOME": str(TOMCAT),
            "CATALINA_BASE": str(folder),
            "CATALINA_OPTS": "-Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1",
        }
        return self.start("tomcat10", ["/bin/sh", program, "run"], port, folder, env)

    def php_fpm(self, pages: Mapping[str, str], children: int = 4, name: str = "") -> Peer:
        """
        Start php-fpm, on a port and on C{php.sock} of its folder; its documents are in C{htdocs}.

        @param pages: texts of PHP files by their paths.
        @param children: how many connections it can have at once.
        @param name: what pages find in C{$_ENV['NAME']}.
        """
        program = require("php-fpm")
        folder, port = self.folder(), free_port()
        for path, text in pages.items():
            file = folder / "htdocs" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        owner = "user = www-data\ngroup = www-data\n" if os.getuid() == 0 else ""
        (folder / "fpm.conf").write_text(
            "[global]\nerror_log = /proc/self/fd/2\ndaemonize = no\n"
            f"[www]\n{owner}listen = 127.0.0.1:{port}\npm = static\n"
            f"pm.max_children = {children}\nenv[NAME] = {name or 'php'}\n"
            "php_admin_value[post_max_size] = 0\nphp_admin_value[variables_order] = EGPCS\n"
            f"[unix]\n{owner}listen = {folder}/php.sock\nlisten.mode = 0666\npm = static\n"
            "pm.max_children = 1\n"
        )
        command = [program, "--nodaemonize", "-n", "--fpm-config", str(folder / "fpm.conf")]
        return self.start("php-fpm", command, port, folder)

    def start(
        self,
        name: str,
        command: Sequence[str],
        port: int,
        folder: Path,
        env: dict[str, str] | None = None,
    ) -> Peer:
        """
        Start any other program that will listen on a port.
        """
        peer = Peer(name, command, port, folder, env)
        # Nobody waits for a last word: some take ten seconds to say it.
        self._exits.callback(peer.kill)
        return peer.start()

    def folder(self) -> Path:
        """
        Make a folder that other users can read too, for programs that give up root's rights.
        """
        made = Path(tempfile.mkdtemp(prefix="txbalancer-"))
        made.chmod(0o755)
        self._exits.callback(shutil.rmtree, made, ignore_errors=True)
        return made

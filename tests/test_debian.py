"""
The Debian package: it is built from the sources as they are, and lives through a life on a machine.

The machine is this one with a layer over its files, seen only by the test, that vanishes with it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import txbalancer
from tests.peers import free_port, require
from tests.test_packaging import NOT_SOURCES

pytestmark = [pytest.mark.integration, pytest.mark.peers]

# Folders that programs expect, a layer over everything else, and the package's files in /pkg.
MACHINE = """
set -e
mount -t tmpfs none "$PLACE"
mkdir "$PLACE/new" "$PLACE/work" "$PLACE/root"
mount -t overlay overlay "$PLACE/root" \
    -o "lowerdir=/,upperdir=$PLACE/new,workdir=$PLACE/work"
mount --bind /dev "$PLACE/root/dev"
mount --bind /proc "$PLACE/root/proc"
mkdir "$PLACE/root/pkg"
cp "$PACKAGE" "$PLACE/root/pkg/"
printf '#!/bin/sh\\nexit 101\\n' > "$PLACE/root/usr/sbin/policy-rc.d"
chmod 755 "$PLACE/root/usr/sbin/policy-rc.d"
exec chroot "$PLACE/root" /bin/bash -ec "$LIFE"
"""

# What an administrator does, and what systemd does for the unit.
LIFE = """
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
cd /
dpkg --install /pkg/*.deb
id txbalancer
man --path txbalancer txbalancer.ini
sed -i "s/tcp:8080/tcp:$PORT/" /etc/txbalancer/txbalancer.ini
txbalancer check -c /etc/txbalancer/txbalancer.ini
unit=/lib/systemd/system/txbalancer.service
install -d -o txbalancer -g txbalancer /run/txbalancer /var/lib/txbalancer /var/log/txbalancer
start=$(sed -n 's/^ExecStart=//p' $unit)
RUNTIME_DIRECTORY=/run/txbalancer setpriv --reuid txbalancer --regid txbalancer --clear-groups \\
    $start > /var/log/txbalancer/log 2>&1 &
pid=$!
for _ in $(seq 300); do
    curl --silent --output /dev/null "http://127.0.0.1:$PORT/health" && break
    sleep 0.1
done
curl --silent --show-error --write-out 'health %{http_code}\\n' "http://127.0.0.1:$PORT/health"
curl --silent --location "http://localhost:$PORT/" | grep -o '<title>.*</title>'
txbalancer status
kill -TERM $pid
wait $pid && echo "ended with 0"
cat /var/log/txbalancer/log
test -e /var/lib/txbalancer/state.json && echo "state written"
dpkg --remove txbalancer
test ! -e /usr/lib/txbalancer && test -e /etc/txbalancer/txbalancer.ini && echo "removed"
dpkg --purge txbalancer
test ! -e /etc/txbalancer && test ! -e /var/lib/txbalancer && echo "purged"
"""


def test_changelog_has_this_version(root: Path) -> None:
    """
    The package's version is the product's.
    """
    first = (root / "etc/debian/changelog").read_text().partition("\n")[0]
    assert re.fullmatch(r"txbalancer \((.+)\) \w+; urgency=\w+", first)[1] == txbalancer.__version__


@pytest.fixture(scope="module")
def package(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    C{make deb} in a copy of the sources; lintian's errors end it.
    """
    for program in ("dpkg-buildpackage", "dh", "dh_python3", "lintian", "man", "curl"):
        require(program)
    folder = tmp_path_factory.mktemp("deb") / "txbalancer"
    shutil.copytree(root, folder, ignore=NOT_SOURCES)
    venv = sys.prefix
    done = subprocess.run(
        ["make", f"VENV={venv}", f"--assume-old={venv}/.ready", "deb"],
        cwd=folder,
        env={key: value for key, value in os.environ.items() if not key.startswith("MAKE")},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    (built,) = (folder / "dist").glob("*.deb")
    return built


def test_package_is_installed_serves_and_is_purged(package: Path, tmp_path: Path) -> None:
    """
    Installed, it answers with the configuration that it brings, as its own user; it stops cleanly,
    a removal leaves the configuration, and a purge nothing.
    """
    if os.getuid() != 0:
        pytest.skip("needs root, to put a layer over the machine")
    done = subprocess.run(
        [require("unshare"), "--mount", "bash", "-c", MACHINE],
        env={
            **{"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"},
            **{"PLACE": str(tmp_path), "PACKAGE": str(package)},
            **{"LIFE": LIFE, "PORT": str(free_port())},
        },
        capture_output=True,
        text=True,
        timeout=300,
    )
    told = done.stdout + done.stderr
    assert done.returncode == 0, told[-4000:]
    for expected in ("health 200", "<title>", "ended with 0", "state written", "removed", "purged"):
        assert expected in told, told[-4000:]
    assert "Traceback" not in told

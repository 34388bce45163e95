"""
The installed product: the wheel, alone in a fresh environment, starts and answers.

The environment gets what the wheel declares to need and no more, copied from the one that runs
the tests, so that a missing declaration shows. Only environments of other Pythons are filled by
pip, from the lock of packages and images.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.peers import free_port, is_listening

pytestmark = pytest.mark.integration

NOT_SOURCES = shutil.ignore_patterns(
    *("__pycache__", "dropin.cache", "build", "dist", "_build", "pictures", "*.egg-info"),
    *(".git", ".venv", ".lock-venv", ".hypothesis", ".*_cache", ".coverage*", "htmlcov"),
    *("_trial_temp*", "twistd.*"),
)
# What a wheel installs beside the packages.
SHARED = {
    "man/man1/txbalancer.1",
    "man/man5/txbalancer.ini.5",
    "bash-completion/completions/txbalancer.bash",
    "fish/vendor_completions.d/txbalancer.fish",
    "zsh/site-functions/_txbalancer",
}
# The first start compiles all that it needs.
START_SECONDS = 120.0
OTHER_PYTHONS = ("3.12", "3.13")


def plain_environment() -> dict[str, str]:
    """
    Return the environment without what the test run's adds.
    """
    return {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """
    Run a command away from the checkout.
    """
    return subprocess.run(
        command, cwd=cwd, env=plain_environment(), capture_output=True, text=True, timeout=600
    )


def needed_by(requirements: list[str]) -> dict[str, Distribution]:
    """
    Return the distributions that fulfil requirements, and those that they need in turn.
    """
    found: dict[str, Distribution] = {}
    todo = [(each, "") for each in requirements]
    seen = set()
    while todo:
        text, extra = todo.pop()
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        wanted = distribution(requirement.name)
        found[wanted.metadata["Name"].lower()] = wanted
        for asked in ("", *requirement.extras):
            if (requirement.name, asked) not in seen:
                seen.add((requirement.name, asked))
                todo += [(each, asked) for each in wanted.requires or ()]
    return found


def copy_distribution(dist: Distribution, environment: Path) -> None:
    """
    Copy an installed distribution into another environment, its scripts included.
    """
    packages = next((environment / "lib").glob("python*/site-packages"))
    for file in dist.files or ():
        source = Path(str(dist.locate_file(file))).resolve()
        if source.parent == Path(sys.executable).parent.resolve():
            script = environment / "bin" / source.name
            body = source.read_text().partition("\n")[2]
            script.write_text(f"#!{environment}/bin/python\n{body}")
            script.chmod(0o755)
        elif ".." not in file.parts:
            target = packages / file
            target.parent.mkdir(parents=True, exist_ok=True)
            # With its time, so that what is compiled of it is good here, too.
            shutil.copy2(source, target)


def build(folder: Path) -> Path:
    """
    Build a wheel in a folder of sources, with the build tools of the test run's environment.
    """
    done = run(sys.executable, "-m", "build", "--wheel", "--no-isolation", folder, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = (folder / "dist").glob("*.whl")
    return built


def install(built: Path, environment: Path) -> None:
    """
    Install a wheel into an environment that has no pip of its own.
    """
    pip = [sys.executable, "-m", "pip", "--python", str(environment / "bin/python")]
    done = run(*pip, "install", "--quiet", "--no-index", built, cwd=environment)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def dist(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Build the sdist from a copy of the sources, and the wheel from that sdist.
    """
    folder = tmp_path_factory.mktemp("sources") / "txbalancer"
    shutil.copytree(root, folder, ignore=NOT_SOURCES)
    done = run(sys.executable, "-m", "build", "--no-isolation", folder, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "dist"


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    """
    Return the wheel.
    """
    (built,) = dist.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Install the wheel into a fresh environment; pip checks that its requirements are met.
    """
    made = tmp_path_factory.mktemp("fresh") / "venv"
    venv.create(made, with_pip=False, symlinks=True)
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        lines = archive.read(name).decode().splitlines()
    required = [line[15:] for line in lines if line.startswith("Requires-Dist: ")]
    for dist in needed_by(required).values():
        copy_distribution(dist, made)
    install(wheel, made)
    return made


class _Member(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"member")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def config(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """
    Start a member and write a configuration for it; return its path and the port to serve.
    """
    port = free_port()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Member) as member:
        thread = threading.Thread(target=member.serve_forever)
        thread.start()
        path = tmp_path / "conf.ini"
        path.write_text(
            f"[listener:web]\nendpoint = tcp:{port}:interface=127.0.0.1\n\n"
            f"[balancer:one]\nmembers = http://127.0.0.1:{member.server_port}\n\n"
            "[mount:/]\nto = balancer://one/\n"
        )
        yield path, port
        member.shutdown()
        thread.join()


def test_sdist_is_complete(dist: Path) -> None:
    """
    The sdist has every file of the sources, tests and manual included, and nothing that was made.
    """
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {each.name.partition("/")[2] for each in archive if each.isfile()}
    made = {name for name in names if name == "PKG-INFO" or name.startswith("txbalancer.egg-info/")}
    sources = {
        str(path.relative_to(dist.parent))
        for path in dist.parent.rglob("*")
        if path.is_file() and not {"dist", "build", "txbalancer.egg-info"} & set(path.parts)
    }
    assert names - made == sources


def test_twine_finds_no_fault(dist: Path) -> None:
    """
    What would be uploaded is sound, the README as a page of the index too.
    """
    done = run(sys.executable, "-m", "twine", "check", "--strict", *dist.iterdir(), cwd=dist)
    assert done.returncode == 0, done.stdout + done.stderr


def test_wheel_holds_the_package_and_the_plugin(wheel: Path, root: Path) -> None:
    """
    Every module, page, the type marker and the twistd plugin are in, Twisted's own packages not;
    pages for man and completions for shells lie beside them.
    """
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    modules = {str(path.relative_to(root)) for path in (root / "txbalancer").rglob("*.py")}
    plugin = "twisted/plugins/txbalancer_plugin.py"
    pages = {
        str(path.relative_to(root))
        for path in (root / "txbalancer/control/pages").iterdir()
        if path.suffix in (".html", ".css", ".js", ".xml")
    }
    assert pages
    shared = {f"{wheel.name.rpartition('-py3')[0]}.data/data/share/{name}" for name in SHARED}
    assert names == modules | pages | shared | {"txbalancer/py.typed", plugin}


def test_twistd_lists_and_explains_it(environment: Path, tmp_path: Path) -> None:
    """
    C{twistd --help} names txbalancer, and its own help tells of the configuration file.
    """
    twistd = environment / "bin/twistd"
    assert "txbalancer" in run(twistd, "--help", cwd=tmp_path).stdout
    done = run(twistd, "txbalancer", "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "-c, --config" in done.stdout


def test_check_tells_good_from_bad(
    environment: Path, tmp_path: Path, config: tuple[Path, int]
) -> None:
    """
    C{txbalancer check} exits 0 for a valid file, and 1 with file and line of each error.
    """
    program = environment / "bin/txbalancer"
    done = run(program, "check", "-c", config[0], cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    bad = tmp_path / "bad.ini"
    bad.write_text(config[0].read_text().replace("members", "mebers"))
    done = run(program, "check", "-c", bad, cwd=tmp_path)
    assert done.returncode == 1
    assert f"{bad}:5: [balancer:one] mebers" in done.stdout + done.stderr


def test_twistd_refuses_a_bad_file(environment: Path, tmp_path: Path) -> None:
    """
    A faulty file never starts half a service: the fault is told, the exit status is not 0.
    """
    bad = tmp_path / "bad.ini"
    bad.write_text("[listener:web]\nendpoint = tcp:0\nspeed = 9\n")
    done = run(
        environment / "bin/twistd", "-n", "--pidfile=", "txbalancer", "-c", bad, cwd=tmp_path
    )
    assert done.returncode != 0
    assert f"{bad}:3: [listener:web] speed" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@contextmanager
def serving(environment: Path, config: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """
    Run the installed C{twistd txbalancer} and wait until it listens; end it in any case.
    """
    command = [environment / "bin/twistd", "-n", "--pidfile=", "txbalancer", "-c", config]
    log = config.with_suffix(".log")
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, cwd=config.parent, env=plain_environment(), stdout=output, stderr=output
        ) as process,
    ):
        try:
            deadline = time.monotonic() + START_SECONDS
            while not is_listening(port):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, "it does not listen"
                time.sleep(0.05)
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def fetch(port: int, path: str, **headers: str) -> tuple[bytes, Message]:
    """
    GET a path; return the body and the headers of the answer.
    """
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        return response.read(), response.headers


def test_twistd_serves_and_stops(environment: Path, config: tuple[Path, int]) -> None:
    """
    The installed service passes a member's answer on, and exits with 0 on SIGTERM.
    """
    path, port = config
    with serving(environment, path, port) as process:
        assert fetch(port, "/")[0] == b"member"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0


def other_python(version: str) -> str:
    """
    Return an interpreter of another version that works, of this machine or of pyenv's, or skip.
    """
    named = f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [shutil.which(named), *sorted(pyenv.glob(f"{version}.*/bin/{named}"))]
    for each in filter(None, found):
        if run(each, "-c", "import ssl, venv", cwd=Path("/")).returncode == 0:
            return str(each)
    pytest.skip(f"there is no Python {version}")


@pytest.mark.peers
@pytest.mark.parametrize("version", OTHER_PYTHONS)
def test_other_pythons_serve(
    version: str, wheel: Path, root: Path, config: tuple[Path, int], tmp_path: Path
) -> None:
    """
    With each later Python the lock of packages and images installs, and the service answers.
    """
    made = tmp_path / "venv"
    run(other_python(version), "-m", "venv", "--without-pip", made, cwd=tmp_path)
    pip = [sys.executable, "-m", "pip", "--python", str(made / "bin/python"), "install", "--quiet"]
    lock = ["--only-binary", ":all:", "--require-hashes", "-r", str(root / "etc/requirements.txt")]
    # Python compiles what it needs of it, which is the smaller part.
    done = run(*pip, "--no-compile", *lock, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    install(wheel, made)
    path, port = config
    with serving(made, path, port) as process:
        assert fetch(port, "/")[0] == b"member"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0


def test_installed_plugins_are_used(
    environment: Path, root: Path, config: tuple[Path, int], tmp_path: Path
) -> None:
    """
    A third party's distribution adds a method, a sticky scheme, a probe and a page.
    """
    sources = tmp_path / "example"
    shutil.copytree(root / "tests/example_plugin", sources, ignore=NOT_SOURCES)
    install(build(sources), environment)
    path, port = config
    text = path.read_text()
    text = text.replace("[balancer:one]", "[balancer:one]\nlbmethod = first\nstickyscheme = header")
    text = text.replace("[mount:/]", "[mount:/greeting]\nto = resource:greeting\n[mount:/]")
    path.write_text(re.sub(r"(members = .*)", r"\1 route=web1 hcmethod=assumed", text))
    with serving(environment, path, port):
        body, headers = fetch(port, "/", **{"X-Route": "elsewhere"})
        assert (body, headers["X-Route"]) == (b"member", "web1")
        assert fetch(port, "/greeting")[0] == b"hello"

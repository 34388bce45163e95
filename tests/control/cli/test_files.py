"""
Commands on configuration files: what they print where, and their exit codes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from tests.config.helpers import BALANCER, LISTENER, MOUNT, REGISTRY
from txbalancer import __main__, __version__
from txbalancer.config import Complaint, load, loads
from txbalancer.control.cli import make_command
from txbalancer.core.registry import Registry
from txbalancer.core.specs import ServiceSpec
from txbalancer.core.values import counted


def complain(spec: ServiceSpec) -> Iterator[Complaint]:
    """
    Find fault with a balancer called C{bad}.
    """
    for balancer in spec.balancers:
        if balancer.name == "bad":
            yield "balancer:bad", "members", "is bad"


def run(*arguments: str) -> Result:
    """
    Run the command in this process.
    """
    command = make_command(lambda: REGISTRY, lambda: (complain,))
    return CliRunner().invoke(command, arguments)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """
    Return where a test may write its configuration.
    """
    return tmp_path / "conf.ini"


def test_a_good_file(path: Path) -> None:
    """
    A good file is counted on standard output, with exit code 0.
    """
    path.write_text(LISTENER + "[listener:b]\nendpoint=tcp:1\n" + BALANCER + MOUNT)
    found = run("check", "-c", str(path))
    assert (found.exit_code, found.stderr) == (0, "")
    assert found.stdout == f"{path}: OK (2 listeners, 1 balancer, 1 member, 1 mount)\n"


def test_warnings_are_no_errors(path: Path) -> None:
    """
    Warnings go to standard error and leave the exit code 0.
    """
    path.write_text(LISTENER + BALANCER)
    found = run("check", "--config", str(path))
    assert found.exit_code == 0
    assert found.stderr == (
        f"warning: {path}:1: [listener:web] no mount takes requests of this listener: "
        "each gets 404\n"
        f"warning: {path}:3: [balancer:shop] no mount leads to this balancer\n"
    )
    assert found.stdout == (
        f"{path}: OK (1 listener, 1 balancer, 1 member, 0 mounts), 2 warnings\n"
    )


def test_errors(path: Path) -> None:
    """
    All errors go to standard error, with exit code 1.
    """
    path.write_text(LISTENER + MOUNT + "x = 1\n")
    found = run("check", "-c", str(path))
    assert (found.exit_code, found.stdout) == (1, "")
    assert found.stderr == (
        f"{path}:4: [mount:/] to: no [balancer:shop]\n"
        f"{path}:5: [mount:/] x: is not known here\n"
        f"{path}: 2 errors\n"
    )


def test_errors_of_further_checks(path: Path) -> None:
    """
    The checks of other layers count as errors.
    """
    path.write_text((LISTENER + BALANCER + MOUNT).replace("shop", "bad"))
    found = run("check", "-c", str(path))
    assert found.exit_code == 1
    assert found.stderr == f"{path}:4: [balancer:bad] members: is bad\n{path}: 1 error\n"


def test_a_missing_file(path: Path) -> None:
    """
    A file that is not there is an error of the file, not of usage.
    """
    found = run("check", "-c", str(path))
    assert found.exit_code == 1
    assert found.stderr.startswith(f"{path}: cannot be read: No such file or directory\n")


@pytest.mark.parametrize("arguments", [("check",), ("chek",), ("check", "-x"), ()])
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    """
    Wrong usage exits with 2.
    """
    assert run(*arguments).exit_code == 2


def test_help_and_version() -> None:
    """
    Help names the subcommands and their exit codes; the version is that of the package.
    """
    assert "check" in run("--help").stdout
    assert "twistd txbalancer -c FILE" in run("-h").stdout.replace("\n  ", " ")
    assert "exit code is 0" in run("check", "--help").stdout.replace("\n  ", " ")
    assert run("--version").stdout == f"txbalancer, version {__version__}\n"


def test_help_needs_no_registry() -> None:
    """
    Plugins are not loaded for help, and thus cannot spoil it.
    """

    def never() -> Registry:
        raise AssertionError("loaded")

    command = make_command(never, tuple)
    assert CliRunner().invoke(command, ["check", "--help"]).exit_code == 0


def test_counted() -> None:
    """
    One is singular, all other numbers are plural.
    """
    assert [counted(number, "mount") for number in (0, 1, 2)] == ["0 mounts", "1 mount", "2 mounts"]


HTTPD = """\
Listen 8080
<Proxy balancer://shop>
    BalancerMember http://h:1
    BalancerMember http://h:2 retry=5
</Proxy>
ProxyPass / balancer://shop/
<IfDefine LOUD>
    Substitute x
</IfDefine>
"""


def test_a_file_in_Apaches_syntax(path: Path) -> None:
    """
    check reads both syntaxes, and its options are for Apache's.
    """
    path.write_text(HTTPD)
    found = run("check", "-c", str(path))
    assert (found.exit_code, found.stderr) == (0, "")
    assert found.stdout == f"{path}: OK (1 listener, 1 balancer, 2 members, 1 mount)\n"
    found = run("check", "-c", str(path), "-D", "QUIET", "-D", "LOUD")
    assert found.exit_code == 1
    assert found.stderr.startswith(f"{path}:8: Substitute: is not carried over: ")
    found = run("check", "-c", str(path), "-D", "LOUD", "--lenient")
    assert found.exit_code == 0
    assert found.stderr.startswith(f"warning: {path}:8: Substitute: is not carried over: ")


def said(text: str) -> list[str]:
    """
    Return the lines of a file without its comments.
    """
    return [line for line in text.split("\n") if not line.startswith("#")]


def test_convert(path: Path) -> None:
    """
    convert prints INI that says where it is from, has Apache's numbers and loads as the same.
    """
    path.write_text(HTTPD)
    found = run("convert", str(path))
    assert (found.exit_code, found.stderr) == (0, "")
    assert found.stdout.startswith(f"# Made from {path} by txbalancer {__version__}: ")
    assert "\nmember.maxfails = 1\n" in found.stdout
    assert "\n    http://h:2 retry=5s\n" in found.stdout
    assert loads(found.stdout, REGISTRY).spec == load(str(path), REGISTRY).spec
    again = path.with_name("again.ini")
    again.write_text(found.stdout)
    assert said(run("convert", str(again)).stdout) == said(found.stdout)


def test_convert_to_a_file(path: Path) -> None:
    """
    With -o nothing is printed; what cannot be written is told.
    """
    path.write_text(HTTPD)
    output = path.with_name("out.ini")
    found = run("convert", str(path), "-o", str(output), "--lenient", "-D", "LOUD")
    assert (found.exit_code, found.stdout) == (0, "")
    assert found.stderr.startswith(f"warning: {path}:8: Substitute: is not carried over: ")
    assert loads(output.read_text(), REGISTRY).spec == load(str(path), REGISTRY).spec
    found = run("convert", str(path), "--output", str(path.parent))
    assert found.exit_code == 1
    assert found.stderr == f"{path.parent}: cannot be written: Is a directory\n"


def test_convert_of_a_file_with_faults(path: Path) -> None:
    """
    Nothing is printed of what cannot be used.
    """
    path.write_text("Listn 80\nListen 80\n")
    found = run("convert", str(path))
    assert (found.exit_code, found.stdout) == (1, "")
    assert found.stderr == (
        f"{path}:1: Listn: is not known (did you mean Listen?)\n{path}: 1 error\n"
    )


def test_convert_and_check_say_the_same(path: Path) -> None:
    """
    What a check finds fault with is not converted, in the same words, and no file is begun.
    """
    path.write_text("Listen 80\n<Proxy balancer://bad>\nBalancerMember http://h:1\n</Proxy>\n")
    output = path.with_name("out.ini")
    found = run("convert", str(path), "-o", str(output))
    assert (found.exit_code, found.stderr) == (1, run("check", "-c", str(path)).stderr)
    assert f"{path}:2: Proxy: is bad" in found.stderr
    assert not output.exists()


def test_convert_beside_a_path_that_is_no_text(path: Path) -> None:
    """
    A path whose bytes are no UTF-8 cannot stand in an INI file, which is told.
    """
    folder = path.parent / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    text = "Listen 80\nErrorLog e.log\n"
    (folder / "httpd.conf").write_text(text)
    found = run("convert", str(folder / "httpd.conf"), "-o", str(path))
    assert found.exit_code == 1
    assert f"\n{path}: cannot be written: a path in it is no UTF-8 text" in found.stderr
    assert not path.exists()


@pytest.mark.parametrize("command", [("check", "-c"), ("convert",)])
def test_errors_that_leniency_would_spare(path: Path, command: tuple[str, ...]) -> None:
    """
    The way past directives that are not carried over is told, to those who did not take it.
    """
    path.write_text("Listen 80\nSubstitute x\nListn 80\n")
    found = run(*command, str(path))
    assert found.exit_code == 1
    ending = f"{path}: 2 errors; --lenient leaves out what is not carried over\n"
    assert found.stderr.endswith(ending)
    found = run(*command, str(path), "--lenient")
    assert found.stderr.endswith(f"{path}: 1 error\n")


def test_the_program(path: Path) -> None:
    """
    `python -m txbalancer check` works with what ships in the package.
    """
    path.write_text(LISTENER + BALANCER + "lbmethod = bytraffic\n" + MOUNT)
    found = subprocess.run(
        [sys.executable, "-m", "txbalancer", "check", "-c", str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout == f"{path}: OK (1 listener, 1 balancer, 1 member, 1 mount)\n"


def test_main_puts_the_layers_together(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    The entry point knows the built-in parts and the checks of the TLS layer.
    """
    path.write_text(f"{LISTENER}tls-certificate = {path}\n{BALANCER}{MOUNT}")
    monkeypatch.setattr(sys, "argv", ["txbalancer", "check", "-c", str(path)])
    with pytest.raises(SystemExit) as caught:
        __main__.main()
    assert caught.value.code == 1
    assert "there is no PEM certificate in it" in capsys.readouterr().err
    assert isinstance(make_command(__main__._registry, __main__._checks), click.Group)

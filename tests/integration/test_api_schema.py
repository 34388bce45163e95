"""
The API against its own description: schemathesis makes up requests, fitting ones and others.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.client import ask
from tests.integration.conftest import Starts
from tests.integration.process import ROOT

pytestmark = pytest.mark.integration

TEXT = """\
[txbalancer]
access-log = off
hcexpr = ok2 %{REQUEST_STATUS} =~ /^2/
[listener:web]
endpoint = tcp:PORT:interface=127.0.0.1
[balancer:shop]
growth = 8
stickysession = A|b
members =
    http://127.0.0.1:9 route=a
    http://127.0.0.2:9/app route=b hcmethod=GET hcuri=/
[balancer:two]
members = http://127.0.0.3:9
[mount:/bm]
to = manager:
require = local
[mount:/]
to = balancer://shop/
"""


def test_it_is_as_described(balancer: Starts, tmp_path: Path) -> None:
    """
    No request has an answer that the description does not know: what fits it is accepted, what
    does not is refused, and nothing makes the service fail. (The log has no end, and an upgrade
    would end the process; both are tried elsewhere.)
    """
    process = balancer(TEXT)
    url = f"http://127.0.0.1:{process.port}/bm/api/v1"
    done = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("schemathesis")), "run"),
            f"{url}/openapi.json",
            *("--exclude-path", "/log"),
            *("--exclude-path", "/upgrade"),
            *("--checks", "all"),
            *("--max-examples", "10"),
            *("--seed", "1"),
            *("--generation-database", "none"),
            "--no-color",
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "SCHEMATHESIS_HOOKS": "tests.integration.schema_hooks",
        },
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert ask(f"{url}/balancers/shop").status == 200
    assert "Traceback" not in process.log()

"""
The manager of a running process, and what a killed one leaves behind.
"""

from __future__ import annotations

import re
import signal
import threading

import pytest

from tests.integration.client import Answer, ask
from tests.integration.conftest import Starts
from tests.integration.process import BalancerProcess, until

pytestmark = pytest.mark.integration

TEXT = """\
[txbalancer]
access-log = off
state = state.json
[listener:web]
endpoint = tcp:PORT:interface=127.0.0.1
[balancer:shop]
members =
    http://127.0.0.1:9 route=a
    http://127.0.0.2:9 route=b
[mount:/bm]
to = manager:
require = local
[mount:/status]
to = server-status:
[mount:/]
to = balancer://shop/
"""


@pytest.fixture
def process(balancer: Starts) -> BalancerProcess:
    """
    Start a balancer that keeps its state.
    """
    return balancer(TEXT)


def kill(process: BalancerProcess) -> None:
    """
    End it without warning.
    """
    process.signal(signal.SIGKILL)
    process.wait()


def url(process: BalancerProcess, rest: str = "") -> str:
    """
    Return the manager's address.
    """
    return f"http://127.0.0.1:{process.port}/bm{rest}"


def nonce(process: BalancerProcess) -> str:
    """
    Take the nonce from the page.
    """
    found = re.search(rb"b=shop&amp;nonce=([-\w]+)", ask(url(process)).body)
    assert found is not None
    return found[1].decode()


def post(process: BalancerProcess, form: str) -> Answer:
    """
    Send a form as the page's own.
    """
    return ask(
        url(process),
        "POST",
        form.encode(),
        Referer=url(process),
        Origin=f"http://127.0.0.1:{process.port}",
        Content_Type="application/x-www-form-urlencoded",
    )


def test_M41_what_a_page_says_outlives_a_kill(process: BalancerProcess) -> None:
    """
    As soon as the page says that something is changed, SIGKILL cannot undo it.
    """
    secret = nonce(process)
    for factor in (2, 3):
        form = f"b=shop&w=http://127.0.0.1:9&nonce={secret}&w_lf={factor}&w_status_N={factor % 2}"
        answer = post(process, form)
        assert answer.status == 200
        assert f"→ {factor}".encode() in answer.body
        assert b"outlive" not in answer.body
        kill(process)
        process.start()
        page = ask(url(process)).body.decode()
        assert f'data-name="Factor">{factor}.00<' in page
        assert ("Init Drn" in page) is bool(factor % 2)
        assert nonce(process) == secret


def test_killed_while_it_writes(process: BalancerProcess) -> None:
    """
    Whenever the process dies, the next one starts without complaint, with a state it had.
    """
    secret = nonce(process)
    confirmed = [0]

    def change() -> None:
        for lbset in range(1, 99):
            form = f"b=shop&w=http://127.0.0.1:9&nonce={secret}&w_ls={lbset}"
            try:
                answer = post(process, form)
            except OSError:
                return
            if answer.status == 200:
                confirmed.append(lbset)

    thread = threading.Thread(target=change)
    thread.start()
    until(lambda: confirmed[-1] >= 7, "some changes are made")
    kill(process)
    thread.join()
    process.start()
    found = re.search(rb'data-name="Set">(\d+)<', ask(url(process)).body)
    assert found is not None
    assert int(found[1]) in (confirmed[-1], confirmed[-1] + 1)
    assert "#warn] state:" not in process.log()


def test_status_of_a_process(process: BalancerProcess) -> None:
    """
    Programs read what was served, and what the process used.
    """
    ask(f"http://127.0.0.1:{process.port}/none")
    answer = ask(f"http://127.0.0.1:{process.port}/status?auto")
    found = dict(line.split(": ", 1) for line in answer.body.decode().splitlines()[1:])
    assert int(found["Total Accesses"]) == 1
    assert float(found["CPUUser"]) > 0
    assert found["ProxyBalancer[0]Worker[1]Name"] == "http://127.0.0.2:9"

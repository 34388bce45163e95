"""
Where the supervisor's sockets for workers are.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from txbalancer.services.inside import inner_path
from txbalancer.workers.handover import path_of

NAMES = st.from_regex(r"[a-z0-9._-]{1,20}", fullmatch=True)


@given(NAMES, NAMES, st.integers(1, 1100))
def test_no_name_is_that_of_something_else(one: str, other: str, column: int) -> None:
    """
    Whatever listeners are called, none has the path of a box or of another's lock, nor one out of
    the folder.
    """
    for name in (one, f"{other}.lock", f"{column}.box", "..", "."):
        path = inner_path("/run/x", name)
        assert path not in (path_of("/run/x", column), f"{inner_path('/run/x', other)}.lock")
        assert path.rpartition("/")[0] == "/run/x"
        assert path.rpartition("/")[2] not in (".", "..")

"""
proxypassreverse in an INI file.
"""

from __future__ import annotations

import pytest

from txbalancer.config import loads
from txbalancer.errors import ConfigErrors
from txbalancer.services.plugins import load_registry

TEXT = (
    "[listener:web]\nendpoint = tcp:80\n[balancer:shop]\nmembers = http://10.0.0.1\n"
    "[mount:/]\nto = balancer://shop/\nproxypassreverse =\n    /a {}\n"
)


@pytest.mark.parametrize("url", ["balancer://SHOP/x", "http://h:1/x", "/x"])
def test_places_that_there_are(url: str) -> None:
    """
    A balancer of the file, a URL or a path.
    """
    (mount,) = loads(TEXT.format(url), load_registry()).spec.mounts
    assert mount.proxypassreverse == (("/a", url),)


@pytest.mark.parametrize(
    ("url", "hint"), [("balancer://shpo", "did you mean shop"), ("h:1", "must be a URL")]
)
def test_places_that_there_are_not(url: str, hint: str) -> None:
    """
    A rule that could never fit is an error with its line.
    """
    with pytest.raises(ConfigErrors, match=rf":7: \[mount:/\] proxypassreverse: .*{hint}"):
        loads(TEXT.format(url), load_registry())

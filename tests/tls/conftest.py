"""
Authorities and certificates for the tests of TLS.
"""

from __future__ import annotations

import pytest

from tests.integration.certificates import Authority


@pytest.fixture(scope="package")
def authority(tmp_path_factory) -> Authority:
    """
    Return the authority that is trusted.
    """
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="package")
def stranger(tmp_path_factory) -> Authority:
    """
    Return an authority that nobody trusts.
    """
    return Authority(tmp_path_factory.mktemp("stranger"), "Stranger")

"""What every client test needs: its client, or a reason why not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

import pytest


@pytest.fixture(scope="session")
def client() -> Callable[[str], str]:
    """The path of a client's program. Without it the test is skipped, or fails when MXART_REQUIRE_CLIENTS is set."""

    def find(name: str) -> str:
        program = shutil.which(name)
        if program is None and os.environ.get("MXART_REQUIRE_CLIENTS"):
            pytest.fail(f"{name} is not installed: run tests/clients/install.sh")
        if program is None:
            pytest.skip(f"{name} is not installed")
        return program

    return find

"""Every example in a docstring of mxart is true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import mxart

MODULES = sorted(
    module.name for module in pkgutil.walk_packages(mxart.__path__, "mxart.") if "__main__" not in module.name
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0

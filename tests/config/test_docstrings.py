import doctest
from types import ModuleType

import pytest

from mxart.cli import discover, init
from mxart.config import problems, tables


@pytest.mark.parametrize("module", [problems, tables, discover, init])
def test_examples_in_docstrings(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0

from __future__ import annotations

import pytest

from mxart.access.grants import allows, touches
from mxart.model import Action, Grant

GO = Grant("read", "go", "corp.example.com/*")

ROWS: list[tuple[tuple[Grant, ...], Action, str, str, bool]] = [
    ((), "read", "go", "x", False),
    ((Grant("read"),), "read", "go", "any/thing", True),
    ((Grant("read"),), "read", "go", "", True),
    ((Grant("read"),), "write", "go", "any/thing", False),
    ((Grant("write"),), "read", "go", "any/thing", False),
    ((Grant("admin"),), "delete", "go", "any/thing", False),
    ((GO,), "read", "go", "corp.example.com/m/@v/list", True),
    ((GO,), "read", "go", "corp.example.com.evil.example.org/m", False),
    ((GO,), "read", "go", "CORP.example.com/m", False),
    ((GO,), "read", "go", "x/corp.example.com/m", False),
    ((GO,), "read", "go-2", "corp.example.com/m", False),
    ((GO,), "read", "GO", "corp.example.com/m", False),
    ((Grant("read", "go-*"),), "read", "go-internal", "m", True),
    ((Grant("read", "go-*"),), "read", "cargo-internal", "m", False),
    ((Grant("write", "maven"), GO), "read", "go", "corp.example.com/m", True),
    # what one grant says of the action and another of the place adds up to nothing
    ((Grant("write", "go"), Grant("read", "maven")), "read", "go", "m", False),
]


@pytest.mark.parametrize(("grants", "action", "repository", "path", "allowed"), ROWS)
def test_allows(grants: tuple[Grant, ...], action: Action, repository: str, path: str, allowed: bool) -> None:
    assert allows(grants, action, repository, path) is allowed


@pytest.mark.parametrize(
    ("grants", "action", "repository", "touched"),
    [
        ((), "read", "go", False),
        ((GO,), "read", "go", True),
        ((GO,), "write", "go", False),
        ((GO,), "read", "go-2", False),
        ((Grant("write", "go"), Grant("read", "maven")), "read", "go", False),
        ((Grant("read", "*", "_catalog"),), "read", "go", True),
    ],
)
def test_touches(grants: tuple[Grant, ...], action: Action, repository: str, touched: bool) -> None:
    assert touches(grants, action, repository) is touched

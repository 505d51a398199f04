"""What a failure tells those above."""

from __future__ import annotations

import pytest

from mxart.errors import BadUpstream, MxartError, Unavailable
from mxart.upstream import Broken, Changed
from mxart.upstream.failures import (
    Hidden,
    KnownDown,
    QueueFull,
    Throttled,
    TimedOut,
    Unreachable,
    Untrusted,
    is_server_error,
    named,
    printable,
)


@pytest.mark.parametrize("kind", [Unreachable, TimedOut, QueueFull, KnownDown, Throttled])
def test_not_now(kind: type[MxartError]) -> None:
    assert issubclass(kind, Unavailable)


@pytest.mark.parametrize("kind", [Broken, Untrusted, Hidden])
def test_not_usable(kind: type[MxartError]) -> None:
    assert issubclass(kind, BadUpstream)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (BadUpstream("x", 500), True),
        (BadUpstream("x", 599), True),
        (BadUpstream("x", 499), False),
        (BadUpstream("x"), False),
        (Unavailable("x"), False),
        (ValueError("x"), False),
    ],
)
def test_server_errors(error: Exception, expected: bool) -> None:
    assert is_server_error(error) == expected


@pytest.mark.parametrize("kind", [BadUpstream, Broken, Changed, Hidden, Untrusted])
def test_named(kind: type[BadUpstream]) -> None:
    with pytest.raises(BadUpstream, match=r"^up\.example\.org: it did$") as raised, named("up.example.org"):
        raise kind("it did", 502, 9.0)
    assert (raised.type, raised.value.status, raised.value.retry_after) == (kind, 502, 9.0)


def test_what_an_upstream_says_is_made_harmless() -> None:
    assert printable("a\r\nb\x1b[31m\x00ü") == "a  b [31m ü"
    assert len(printable("x" * 1000)) == 200

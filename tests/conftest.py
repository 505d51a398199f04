"""What holds for every test: no word from the developer's environment, no connection beyond this machine."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from ipaddress import ip_address

import pytest

_CLEARED = ("GO", "GOPROXY", "GOFLAGS", "GOSUMDB", "GONOSUMDB", "GONOSUMCHECK", "GONOPROXY", "GOPRIVATE", "GOAUTH")
_CLEARED_PREFIXES = ("MXART_", "GIT_")
_CLEARED_SUFFIXES = ("_PROXY", "_proxy")
_KEPT = {"MXART_REQUIRE_CLIENTS", "MXART_CLIENT_CACHE"}  # they say which client tests run, and where clients are kept


def _speaks_of_elsewhere(name: str) -> bool:
    if name in _KEPT:
        return False
    return name in _CLEARED or name.startswith(_CLEARED_PREFIXES) or name.endswith(_CLEARED_SUFFIXES)


for _name in [name for name in os.environ if _speaks_of_elsewhere(name)]:
    del os.environ[_name]


class ConnectionRefused(AssertionError):
    """A test tried to leave this machine."""


def _check(client: socket.socket, address: object) -> None:
    if client.family == socket.AF_UNIX:
        return
    host = address[0] if isinstance(address, tuple) else ""
    try:
        loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise ConnectionRefused(f"a test tried to connect to {address!r}; tests speak to loopback only")


def _guarded(name: str) -> Callable[[socket.socket, object], object]:
    method = getattr(socket.socket, name)

    def connect(self: socket.socket, address: object) -> object:
        _check(self, address)
        return method(self, address)

    return connect


@pytest.fixture(scope="session", autouse=True)
def loopback_only() -> None:
    """True after: no socket of this process connects to anything but this machine."""
    for name in ("connect", "connect_ex"):
        setattr(socket.socket, name, _guarded(name))

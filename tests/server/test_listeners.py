from __future__ import annotations

import contextlib
import socket
import stat
from pathlib import Path

import pytest

from mxart.server.listeners import CannotListen, bind, close, tls_context
from mxart.settings import ListenerSettings, TlsSettings


def listener(*addresses: str, tls: TlsSettings | None = None) -> ListenerSettings:
    return ListenerSettings(name="main", listen=addresses, tls=tls)


@pytest.mark.parametrize(("address", "prefix"), [("127.0.0.1:0", "http://127.0.0.1:"), ("[::1]:0", "http://[::1]:")])
def test_an_address(address: str, prefix: str) -> None:
    bound = bind([listener(address)], {})
    listening = bound[address]
    assert listening.url.startswith(prefix)
    host, port = listening.sockets[0].getsockname()[:2]
    with socket.create_connection((host, port), timeout=5):
        pass
    close(listening)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, port), timeout=5)


def test_a_name_may_stand_for_several_addresses() -> None:
    (listening,) = bind([listener("localhost:0")], {}).values()
    assert {bound.family for bound in listening.sockets} <= {socket.AF_INET, socket.AF_INET6}
    close(listening)


def test_what_is_kept_is_not_bound_again() -> None:
    first = bind([listener("127.0.0.1:0")], {})
    both = bind([listener("127.0.0.1:0", "[::1]:0")], first)
    assert both["127.0.0.1:0"].sockets == first["127.0.0.1:0"].sockets
    for listening in both.values():
        close(listening)


def test_an_address_in_use_undoes_what_was_bound_anew(tmp_path: Path) -> None:
    kept = bind([listener("127.0.0.1:0")], {})
    port = kept["127.0.0.1:0"].authority.rpartition(":")[2]
    file = tmp_path / "new"
    with pytest.raises(CannotListen, match=f"127.0.0.1:{port}"):
        bind([listener("127.0.0.1:0", f"unix:{file}", f"127.0.0.1:{port}")], kept)
    assert not file.exists()
    assert kept["127.0.0.1:0"].sockets[0].fileno() >= 0
    close(kept["127.0.0.1:0"])


def test_a_unix_socket_is_open_to_every_user_and_leaves_no_file(tmp_path: Path) -> None:
    file = tmp_path / "mxart.sock"
    (listening,) = bind([listener(f"unix:{file}")], {}).values()
    assert stat.S_IMODE(file.stat().st_mode) == 0o666
    assert (listening.url, listening.authority) == (f"unix:{file}", "localhost")
    close(listening)
    assert not file.exists()


def test_a_unix_socket_that_a_dead_server_left_is_taken_over(tmp_path: Path) -> None:
    file = tmp_path / "mxart.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(file))
    (listening,) = bind([listener(f"unix:{file}")], {}).values()
    close(listening)


def test_a_unix_socket_where_somebody_listens_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "mxart.sock"
    (listening,) = bind([listener(f"unix:{file}")], {}).values()
    with pytest.raises(CannotListen, match="in use"):
        bind([listener(f"unix:{file}")], {})
    assert file.exists()
    close(listening)


def test_a_unix_socket_where_too_many_wait_already_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "mxart.sock"
    with socket.socket(socket.AF_UNIX) as busy, contextlib.ExitStack() as clients:
        busy.bind(str(file))
        busy.listen(0)
        with pytest.raises(BlockingIOError):
            while True:
                client = clients.enter_context(socket.socket(socket.AF_UNIX))
                client.setblocking(False)
                client.connect(str(file))
        with pytest.raises(CannotListen, match="in use"):
            bind([listener(f"unix:{file}")], {})
    assert file.exists()


def test_a_file_of_another_kind_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "precious"
    file.write_text("data")
    with pytest.raises(CannotListen):
        bind([listener(f"unix:{file}")], {})
    assert file.read_text() == "data"


def test_a_certificate_that_cannot_be_used(tmp_path: Path, tls_settings: TlsSettings) -> None:
    tls_context(tls_settings)
    for broken in (
        TlsSettings(certificate=tmp_path / "none.crt", key=tls_settings.key),
        TlsSettings(certificate=tls_settings.key, key=tls_settings.key),
    ):
        with pytest.raises(CannotListen, match="certificate"):
            bind([listener("127.0.0.1:0", tls=broken)], {})

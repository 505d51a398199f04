from __future__ import annotations

import contextlib
import socket
import ssl
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from mxart.server.listeners import CannotListen, Listening, bind, close, tls_context
from mxart.settings import ListenerSettings, TlsSettings
from tests.support.certs import Authority


def listener(*addresses: str, tls: tuple[TlsSettings, ...] = ()) -> ListenerSettings:
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
    tls_context([tls_settings])
    for broken in (
        TlsSettings(certificate=tmp_path / "none.crt", key=tls_settings.key),
        TlsSettings(certificate=tls_settings.key, key=tls_settings.key),
    ):
        for certificates in ((broken,), (tls_settings, broken), (broken, tls_settings)):
            with pytest.raises(CannotListen, match=f"certificate {broken.certificate}"):
                bind([listener("127.0.0.1:0", tls=certificates)], {})


# --- several certificates ---------------------------------------------------------------------------------------

CERTIFICATES = (
    ("first.example.org",),
    ("go.example.org", "Registry.Example.org"),
    ("*.deep.example.org", "10.1.2.3"),
    ("go.example.org", "own.deep.example.org"),
    ("10.9.9.9",),
)


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> list[Authority]:
    """One for each certificate, as one authority keeps those that begin with the same name in the same file."""
    return [Authority(tmp_path_factory.mktemp(f"authority{number}")) for number in range(len(CERTIFICATES))]


@pytest.fixture(scope="module")
def several(authorities: list[Authority]) -> Iterator[Listening]:
    issued = [authority.issue(*names) for authority, names in zip(authorities, CERTIFICATES, strict=True)]
    settings = tuple(TlsSettings(certificate=each.certificate, key=each.key) for each in issued)
    (listening,) = bind([listener("127.0.0.1:0", tls=settings)], {}).values()
    yield listening
    close(listening)


@pytest.fixture
def client(authorities: list[Authority]) -> ssl.SSLContext:
    """A client that trusts all of them, and does not look for its name in what it gets."""
    context = ssl.create_default_context()
    for authority in authorities:
        context.load_verify_locations(authority.ca_file)
    context.check_hostname = False
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


@contextlib.contextmanager
def shaken(
    listening: Listening, client: ssl.SSLContext, name: str | None, session: ssl.SSLSession | None = None
) -> Iterator[ssl.SSLSocket]:
    """A connection after its handshake, and after a byte from the server."""
    assert listening.tls is not None
    host, _, port = listening.authority.rpartition(":")
    with ThreadPoolExecutor(1) as pool, socket.create_connection((host, int(port)), timeout=5) as plain:
        listening.sockets[0].settimeout(5)
        accepted, _ = listening.sockets[0].accept()
        accepted.settimeout(5)
        server = listening.tls.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False)
        sent = pool.submit(lambda: (server.do_handshake(), server.send(b"x")))
        with server, client.wrap_socket(plain, server_hostname=name, session=session) as connection:
            assert connection.recv(1) == b"x"
            sent.result()
            yield connection


# what the client calls the server, and the place of the certificate that it gets
NAMES = [
    ("first.example.org", 0),
    ("go.example.org", 1),
    ("GO.Example.ORG", 1),
    ("go.example.org.", 1),
    ("registry.example.org", 1),
    ("a.deep.example.org", 2),
    ("A.DEEP.example.org", 2),
    ("own.deep.example.org", 3),
    ("deep.example.org", 0),
    ("a.b.deep.example.org", 0),
    ("sub.go.example.org", 0),
    ("elsewhere.example.org", 0),
    ("org", 0),
    (None, 0),
    ("10.1.2.3", 0),  # no client sends an address
]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(("name", "place"), NAMES)
def test_the_name_that_is_sent_picks_the_certificate(
    several: Listening, client: ssl.SSLContext, version: ssl.TLSVersion, name: str | None, place: int
) -> None:
    client.minimum_version = client.maximum_version = version
    with shaken(several, client, name) as connection:
        names = tuple(value for _, value in (connection.getpeercert() or {})["subjectAltName"])
        assert sorted(names) == sorted(CERTIFICATES[place])
        assert connection.selected_alpn_protocol() == "http/1.1"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("name", ["first.example.org", "go.example.org", "a.deep.example.org"])
def test_a_session_is_resumed_whatever_the_certificate(
    several: Listening, client: ssl.SSLContext, version: ssl.TLSVersion, name: str
) -> None:
    client.minimum_version = client.maximum_version = version
    with shaken(several, client, name) as connection:
        session = connection.session
    with shaken(several, client, name, session) as again:
        assert again.session_reused


def test_no_tls_before_1_2(several: Listening) -> None:
    assert several.tls is not None
    assert several.tls.minimum_version == ssl.TLSVersion.TLSv1_2


def test_a_certificate_without_names_is_for_whom_no_other_is(
    tmp_path: Path, tls_settings: TlsSettings, client: ssl.SSLContext
) -> None:
    nameless = self_signed(tmp_path)
    client.load_verify_locations(nameless.certificate)
    (listening,) = bind([listener("127.0.0.1:0", tls=(nameless, tls_settings))], {}).values()
    with shaken(listening, client, "nameless.example.org") as connection:
        assert "subjectAltName" not in (connection.getpeercert() or {})
    close(listening)


def self_signed(folder: Path) -> TlsSettings:
    """A certificate that has its name in the subject only, as they were made of old."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nameless.example.org")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
    made = TlsSettings(certificate=folder / "nameless.crt", key=folder / "nameless.key")
    made.certificate.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    made.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return made


def test_a_certificate_whose_names_cannot_be_read(tmp_path: Path, tls_settings: TlsSettings) -> None:
    text = tls_settings.certificate.read_text().replace(" CERTIFICATE-", " TRUSTED CERTIFICATE-")
    trusted = TlsSettings(certificate=tmp_path / "trusted.crt", key=tls_settings.key)
    trusted.certificate.write_text(text)
    tls_context([trusted])
    with pytest.raises(CannotListen, match=f"cannot read for which names certificate {trusted.certificate} is"):
        tls_context([tls_settings, trusted])

"""Debian's docker-registry as an upstream on loopback: open, behind a password, or behind a token server of the test's.

::

    with Registry(tmp_path / "upstream") as upstream:
        upstream.put("library/app", "1", image("well met"))       # straight onto its disk, unseen by its log
        upstream.url; upstream.requests(); upstream.count("GET", "/blobs/"); upstream.stop(); upstream.start()

    Registry(folder, password=True)                                # htpasswd: USER and PASSWORD
    with TokenServer(folder / "tokens", private=True) as tokens:   # private: USER and PASSWORD, or no token
        Registry(folder, tokens=tokens); tokens.asked

Specifications: distribution's token authentication and its JWT page (RS256, the certificate in ``x5c``).
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.support.images import Blob, Image
from tests.support.server import free_port

USER, PASSWORD = "reader", "open sesame: ümläut"
_HTPASSWD = "reader:$2y$05$mxartmxartmxartmxartm.a3HGn3KCJik9sM5W1EuhE/HNYa/n0vi\n"
_LINE = re.compile(r'^\S+ - \S* ?\[[^]]*\] "([A-Z]+) (\S+) HTTP/[0-9.]+" (\d{3})', re.MULTILINE)
_SERVICE, _ISSUER = "registry.test", "tokens.test"
_START = 20.0  # seconds
_LIFE = 300  # seconds, of a token


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that a registry has answered."""

    method: str
    path: str  # with its query
    status: int


class TokenServer:
    """A token realm in threads of its own. ``asked``: the scopes of each request, and who asked ("": nobody)."""

    def __init__(self, folder: Path, *, private: bool = False) -> None:
        """``private``: no token for anybody but USER."""
        folder.mkdir(parents=True, exist_ok=True)
        self.asked: list[tuple[tuple[str, ...], str]] = []
        self.private = private
        self.bundle = folder / "tokens.crt"
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._certificate = _self_signed(self._key)
        self.bundle.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.realm = f"http://127.0.0.1:{self._http.server_port}/token"

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def settings(self) -> dict[str, Any]:
        """The ``auth`` of a registry that sends its clients here."""
        return {
            "token": {
                "realm": self.realm,
                "service": _SERVICE,
                "issuer": _ISSUER,
                "rootcertbundle": str(self.bundle),
            }
        }

    def _token(self, scopes: tuple[str, ...], user: str) -> str:
        access = []
        for scope in scopes:
            kind, _, rest = scope.partition(":")
            name, _, actions = rest.rpartition(":")
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        now = int(time.time())
        claims = {"iss": _ISSUER, "sub": user, "aud": _SERVICE, "iat": now, "nbf": now - 5, "access": access}
        claims |= {"exp": now + _LIFE, "jti": str(len(self.asked))}
        chain = [base64.b64encode(self._certificate.public_bytes(serialization.Encoding.DER)).decode()]
        return jwt.encode(claims, self._key, "RS256", {"x5c": chain})

    def _answer(self, query: dict[str, list[str]], authorization: str) -> tuple[int, dict[str, Any]]:
        user = USER if authorization == _basic() else ""
        scopes = tuple(query.get("scope", []))
        self.asked.append((scopes, user))
        if query.get("service") != [_SERVICE] or (authorization and not user) or (self.private and not user):
            return 401, {"errors": [{"code": "UNAUTHORIZED", "message": "who are you?"}]}
        issued = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return 200, {"token": self._token(scopes, user), "expires_in": _LIFE, "issued_at": issued}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answer = self._answer

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, document = answer(parse_qs(urlsplit(self.path).query), self.headers.get("Authorization", ""))
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: Any) -> None:
                """Nothing: ``asked`` tells it."""

        return Handler


class Registry:
    """One registry: a folder with what it holds, and the process that serves it."""

    def __init__(self, folder: Path, *, password: bool = False, tokens: TokenServer | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._root = folder / "store"
        self._config = folder / "registry.json"
        self._log = folder / "registry.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        auth = tokens.settings() if tokens else {}
        if password:
            (folder / "htpasswd").write_text(_HTPASSWD)
            auth = {"htpasswd": {"realm": "upstream", "path": str(folder / "htpasswd")}}
        self._configure(auth)

    def _configure(self, auth: dict[str, Any]) -> None:
        """Its configuration is YAML, which JSON is."""
        document = {
            "version": "0.1",
            "log": {"level": "error", "accesslog": {"disabled": False}},
            "storage": {"filesystem": {"rootdirectory": str(self._root)}, "delete": {"enabled": True}},
            "http": {"addr": f"127.0.0.1:{self.port}"},
        }
        if auth:
            document["auth"] = auth
        self._config.write_text(json.dumps(document))

    # --- life ------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """True after: it answers."""
        program = shutil.which("docker-registry")
        assert program is not None
        with self._log.open("ab") as log:
            command = ["setpriv", "--pdeathsig", "KILL", program, "serve", str(self._config)]  # it ends with the tests
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for_port(self.port, self._process, self._log)
        return self

    def stop(self) -> None:
        """True after: nothing answers at its port."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- use -------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def put(self, name: str, tag: str, image: Image) -> None:
        """True after: it holds the image under that name and tag."""
        repository = self._root / "docker/registry/v2/repositories" / name
        for blob in image.all_blobs().values():
            self._keep(blob)
            _link(repository / "_layers/sha256" / blob.hex, blob.digest)
        for manifest in image.all_manifests():
            self._keep(manifest)
            _link(repository / "_manifests/revisions/sha256" / manifest.hex, manifest.digest)
        tags = repository / "_manifests/tags" / tag
        _link(tags / "index/sha256" / image.manifest.hex, image.digest)
        _link(tags / "current", image.digest)

    def _keep(self, blob: Blob) -> None:
        path = self._root / "docker/registry/v2/blobs/sha256" / blob.hex[:2] / blob.hex / "data"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(blob.data)

    def requests(self) -> list[Asked]:
        """What it has answered, in order."""
        found = _LINE.findall(self._log.read_text())
        return [Asked(method, path, int(status)) for method, path, status in found]

    def count(self, method: str, part: str, status: int = 200) -> int:
        """How many requests with that in their path it has answered so."""
        return sum(
            asked.method == method and part in asked.path and asked.status == status for asked in self.requests()
        )

    def log(self) -> str:
        return self._log.read_text()


def wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once something listens at that port of 127.0.0.1. Fails the test when the process ends before."""
    wanted = f"0100007F:{port:04X}"
    deadline = time.monotonic() + _START
    while not any(
        fields[1] == wanted and fields[3] == "0A"
        for fields in (line.split() for line in Path("/proc/net/tcp").read_text().splitlines())
    ):
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"{process.args!r} does not serve:\n{log.read_text()}")
        threading.Event().wait(0.01)


def _link(folder: Path, digest: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "link").write_text(digest)


def _basic() -> str:
    return "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


def _self_signed(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _ISSUER)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
    return builder.sign(key, hashes.SHA256())

"""A real checksum database for tests: a signed transparency log that the go command accepts.

::

    database = SumDB("sums.example.org")
    database.add("example.com/m", "v1.0.0", zip_hash, gomod_hash)
    upstream.handler = database.handle                       # of a ScriptedUpstream
    environment["GOSUMDB"] = database.key                    # asked through GOPROXY, or f"{key} {url}": directly

Specifications: design document 25530, RFC 6962 §2.1 (tree hashes), the tlog and note packages of the go command.
"""

from __future__ import annotations

import base64
import hashlib
import re
from urllib.parse import unquote

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.support.modules import escape

_ED25519 = b"\x01"
_TILE = re.compile(r"tile/(\d+)/(\d+|data)/((?:x\d{3}/)*\d{3})(?:\.p/(\d+))?")
_TEXT = "text/plain; charset=UTF-8"


class SumDB:
    """A checksum database ``name`` with a key of its own. Records are added while nobody asks."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
        self._public = _ED25519 + self._private.public_key().public_bytes_raw()
        self._records: list[bytes] = []
        self._numbers: dict[str, int] = {}  # escaped MODULE@VERSION → record
        self._nodes: dict[tuple[int, int], bytes] = {}  # (level, index) → hash of a whole subtree

    @property
    def _key_hash(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + self._public).digest()[:4]

    @property
    def key(self) -> str:
        """The verifier key: what goes into GOSUMDB."""
        return f"{self.name}+{self._key_hash.hex()}+{base64.b64encode(self._public).decode()}"

    @property
    def size(self) -> int:
        return len(self._records)

    def add(self, module: str, version: str, zip_hash: str, gomod_hash: str) -> int:
        """Append the record of a version; its number."""
        number = self._numbers[f"{escape(module)}@{escape(version)}"] = self.size
        self._records.append(f"{module} {version} {zip_hash}\n{module} {version}/go.mod {gomod_hash}\n".encode())
        return number

    def handle(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """`answer`, as a ScriptedUpstream's handler."""
        status, media_type, body = self.answer(path)
        return status, {"Content-Type": media_type}, body

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Status, media type and body for a percent-encoded path below the database's URL."""
        path = unquote(path).lstrip("/")
        if path == "latest":
            return 200, _TEXT, self.tree_head()
        if path.startswith("lookup/"):
            number = self._numbers.get(path.removeprefix("lookup/"))
            if number is None:
                return 404, _TEXT, f"not found: {path}\n".encode()
            return 200, _TEXT, b"%d\n%s\n%s" % (number, self._records[number], self.tree_head())
        if match := _TILE.fullmatch(path):
            data = self._tile(match)
            return (200, "application/octet-stream", data) if data else (404, _TEXT, b"no such tile\n")
        return 404, _TEXT, b"not found\n"

    def tree_head(self) -> bytes:
        """The signed note of the tree as it is now."""
        text = f"go.sum database tree\n{self.size}\n{base64.b64encode(self._root(0, self.size)).decode()}\n".encode()
        signature = base64.b64encode(self._key_hash + self._private.sign(text)).decode()
        return text + f"\n— {self.name} {signature}\n".encode()

    def _tile(self, match: re.Match[str]) -> bytes:
        height, number = int(match[1]), int(re.sub(r"\D", "", match[3]))
        first, width = number << height, int(match[4] or 1 << int(match[1]))
        if match[2] == "data":
            held = self._records[first : first + width]
            return b"".join(record + b"\n" for record in held) if len(held) == width else b""
        level = height * int(match[2])
        if (first + width) << level > self.size:
            return b""
        return b"".join(self._subtree(level, index) for index in range(first, first + width))

    def _subtree(self, level: int, index: int) -> bytes:
        """The hash of the records from ``index << level`` on, 2 ** level of them, which are all there for good."""
        if (level, index) not in self._nodes:
            self._nodes[level, index] = self._root(index << level, (index + 1) << level)
        return self._nodes[level, index]

    def _root(self, start: int, end: int) -> bytes:
        """The Merkle tree hash of the records from ``start`` to before ``end`` (RFC 6962 §2.1)."""
        if start == end:
            return hashlib.sha256().digest()
        if end - start == 1:
            return hashlib.sha256(b"\x00" + self._records[start]).digest()
        middle = start + (1 << (end - start - 1).bit_length() - 1)
        return hashlib.sha256(b"\x01" + self._root(start, middle) + self._root(middle, end)).digest()

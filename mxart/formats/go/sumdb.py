"""The checksum database: coordinates of the tiles of its log, and light checks of what it answers.

The proofs are the client's to make: it holds the database's key. The checks here keep what is no answer of a checksum
database at all (a login page, another record, half a tile) from being held for ever.

Specifications: design document 25530, "Checksum Database"; the ``tlog`` package for tiles and records, the ``note``
package for signed notes (both of the go command).
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import BinaryIO

from mxart.errors import Corrupt, Invalid

HASH_SIZE = 32  # bytes: SHA-256
MAX_HEIGHT = 16  # the specification allows 30, a tile of 32 GiB; clients use 8
MAX_NOTE = 1 << 20  # bytes of a lookup or a tree head; the go command takes no tree head above 1 MB
MAX_DATA_TILE = 16 << 20  # bytes
_MAX_RECORD = 64 << 10  # bytes of one record in a data tile: two go.sum lines
_MAX_SIGNATURES = 100  # in a note; the go command reads no more

_TILE = re.compile(
    r"tile/(?P<height>[0-9]{1,2})/(?P<level>[0-9]{1,2}|data)/"
    r"(?P<index>(?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/(?P<width>[0-9]{1,10}))?"
)
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_TREE = re.compile(r"go\.sum database tree\n(?:0|[1-9][0-9]{0,18})\n[A-Za-z0-9+/]{43}=\n")
_RECORD_NUMBER = re.compile(r"[0-9]{1,19}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A tile of the log: ``width`` hashes of tree level ``height * level``, from ``index << height`` on.

    ``level`` -1 is a data tile: the records themselves. Only `parse_tile` and tests make one.

    >>> str(Tile(height=8, level=1, index=123456, width=17))
    'tile/8/1/x123/456.p/17'
    """

    height: int
    level: int
    index: int
    width: int

    @property
    def size(self) -> int:
        """Bytes of a hash tile; the most that a data tile may have."""
        return min(self.width * _MAX_RECORD, MAX_DATA_TILE) if self.level < 0 else self.width * HASH_SIZE

    def __str__(self) -> str:
        level = "data" if self.level < 0 else str(self.level)
        partial = "" if self.width == 1 << self.height else f".p/{self.width}"
        return f"tile/{self.height}/{level}/{_spelled_index(self.index)}{partial}"


def _spelled_index(index: int) -> str:
    """Three digits a directory, so that none grows large: 1234067 → x001/x234/067."""
    text = f"{index % 1000:03d}"
    while index >= 1000:
        index //= 1000
        text = f"x{index % 1000:03d}/{text}"
    return text


def parse_tile(path: str) -> Tile:
    """``tile/H/L/K[.p/W]`` → Tile. Raises Invalid for every other spelling."""
    match = _TILE.fullmatch(path)
    if not match:
        raise Invalid(f"{path[:200]!r} is not the path of a tile: want tile/H/L/K or tile/H/L/K.p/W.")
    height = int(match["height"])
    if not 1 <= height <= MAX_HEIGHT:
        raise Invalid(f"Tiles of height {height} are not served here: 1 to {MAX_HEIGHT} are.")
    tile = Tile(
        height=height,
        level=-1 if match["level"] == "data" else int(match["level"]),
        index=int(re.sub(r"[x/]", "", match["index"])),
        width=int(match["width"] or 1 << height),
    )
    if tile.level > 63 or tile.width > 1 << height or tile.width < 1 or str(tile) != path:
        raise Invalid(f"{path[:200]!r} is not the path of a tile: its numbers are out of range or have spare zeros.")
    return tile


def check_tree_head(file: BinaryIO, database: str) -> None:
    """Return when the file is a signed tree head by ``database``. Raises Corrupt."""
    _check_signed_tree(_read_text(file, MAX_NOTE), database)


def check_lookup(file: BinaryIO, database: str, module: str, version: str) -> None:
    """Return when the file is a record of this very version, followed by a signed tree head. Raises Corrupt."""
    number, _, rest = _read_text(file, MAX_NOTE).partition("\n")
    record, blank, note = rest.partition("\n\n")
    if not _RECORD_NUMBER.fullmatch(number) or not blank:
        raise Corrupt("The checksum database's answer is not a record with its number.")
    wanted = (f"{module} {version} h1:", f"{module} {version}/go.mod h1:")
    if not any(line.startswith(wanted) for line in record.split("\n")):
        raise Corrupt(f"The checksum database answered with a record that does not name {module} {version}.")
    _check_signed_tree(note, database)


def check_tile(file: BinaryIO, tile: Tile) -> None:
    """Return when the file has a tile's size and, for a data tile, its number of records. Raises Corrupt."""
    if tile.level < 0:
        text = _read_text(file, tile.size)
        if not text.endswith("\n\n") or text.count("\n\n") != tile.width:
            raise Corrupt(f"{tile} does not hold {tile.width} records.")
    elif (size := len(file.read(tile.size + 1))) != tile.size:
        raise Corrupt(f"{tile} has {'more' if size > tile.size else size} bytes instead of {tile.size}.")


def _read_text(file: BinaryIO, limit: int) -> str:
    data = file.read(limit + 1)
    if len(data) > limit:
        raise Corrupt(f"The checksum database's answer is longer than {limit} bytes.")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise Corrupt("The checksum database's answer is not UTF-8 text.") from None
    if _CONTROL.search(text):
        raise Corrupt("The checksum database's answer holds control characters.")
    return text


def _check_signed_tree(note: str, database: str) -> None:
    """A note is text, a blank line, and signature lines: "— NAME BASE64"."""
    text, blank, signatures = note.rpartition("\n\n")
    if not _TREE.match(text + "\n"):
        raise Corrupt("The checksum database's answer holds no tree head.")
    lines = signatures.split("\n")
    if not blank or lines.pop() != "" or not 1 <= len(lines) <= _MAX_SIGNATURES:
        raise Corrupt("The checksum database's tree head is not signed.")
    signers = {_signer(line) for line in lines}
    if database not in signers:
        raise Corrupt(f"The tree head is signed by {sorted(signers)[0][:80]!r}, not by {database!r}.")


def _signer(line: str) -> str:
    dash, _, rest = line.partition(" ")
    name, _, signature = rest.partition(" ")
    try:
        raw = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if dash != "—" or not name or len(raw) < 5:  # a key's hash of four bytes, then the signature
        raise Corrupt("The checksum database's tree head has a malformed signature line.")
    return name

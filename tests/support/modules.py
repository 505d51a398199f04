"""Go modules made up for tests: canonical zips, their hashes, and a proxy's files in a plain directory.

::

    hello = Module("example.com/Hello", "v1.0.0", {"hello.go": "package hello\\n"})
    build_tree(tmp_path, [hello])          # tmp_path/example.com/!hello/@v/list, v1.0.0.info, .mod, .zip; @latest
    database.add(hello.path, hello.version, hello.zip_hash, hello.gomod_hash)
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_EPOCH = (1980, 1, 1, 0, 0, 0)  # zips without times: the same content is the same bytes


@dataclass(frozen=True)
class Module:
    """One version of a module. A go.mod is added to ``files``, unless they have one or the version is incompatible."""

    path: str
    version: str
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    time: str = "2024-05-06T07:08:09Z"

    @property
    def content(self) -> dict[str, bytes]:
        """All files of the zip, without its prefix."""
        files = {name: data.encode() if isinstance(data, str) else data for name, data in self.files.items()}
        if not self.version.endswith("+incompatible"):
            files.setdefault("go.mod", f"module {self.path}\n\ngo 1.21\n".encode())
        return files

    @property
    def zip(self) -> bytes:
        return module_zip(self.path, self.version, self.content)

    @property
    def gomod(self) -> bytes:
        """The .mod answer: synthetic when the module has no go.mod."""
        return self.content.get("go.mod", f"module {self.path}\n".encode())

    @property
    def info(self) -> bytes:
        return json.dumps({"Version": self.version, "Time": self.time}).encode()

    @property
    def zip_hash(self) -> str:
        """The h1: sum of the zip, as in go.sum."""
        return hash1({f"{self.path}@{self.version}/{name}": data for name, data in self.content.items()})

    @property
    def gomod_hash(self) -> str:
        """The h1: sum of the go.mod, as in go.sum."""
        return hash1({"go.mod": self.gomod})


def module_zip(path: str, version: str, files: Mapping[str, bytes]) -> bytes:
    """A module zip: deflated entries in the order of their names, no times, no directories."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(f"{path}@{version}/{name}", _EPOCH), files[name], zipfile.ZIP_DEFLATED)
    return out.getvalue()


def hash1(files: Mapping[str, bytes]) -> str:
    """The "h1:" hash over files and their names (dirhash.Hash1)."""
    lines = (f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files, key=str.encode))
    return "h1:" + base64.b64encode(hashlib.sha256("".join(lines).encode()).digest()).decode()


def escape(text: str) -> str:
    """The case-escaped form of a module path or version."""
    return re.sub("[A-Z]", lambda match: "!" + match[0].lower(), text)


def build_tree(root: Path, modules: Iterable[Module]) -> None:
    """Write what a module proxy answers for these versions as files below ``root``, at their (escaped) URL paths.

    A module's later versions come later in ``modules``: its @latest is the last one, its list has all in this order.
    """
    lists: dict[str, list[str]] = {}
    for module in modules:
        folder = root / escape(module.path) / "@v"
        folder.mkdir(parents=True, exist_ok=True)
        stem = escape(module.version)
        for extension, data in (("info", module.info), ("mod", module.gomod), ("zip", module.zip)):
            (folder / f"{stem}.{extension}").write_bytes(data)
        versions = lists.setdefault(module.path, [])
        if not re.search(r"[0-9]{14}-[0-9a-f]{12}", module.version):  # lists name no pseudo-versions
            versions.append(module.version)
        (folder / "list").write_text("".join(f"{version}\n" for version in versions))
        (folder.parent / "@latest").write_bytes(module.info)

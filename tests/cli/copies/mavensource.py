"""A tree of Maven artifacts as a source of an import: files by their paths, on disk or listed on pages of HTML."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, unquote

from mxart.cli.copies.trees import Folder, Tree

JAR, POM, ASC = b"jar " * 1000, b"<project/>", b"signature"


def checked(path: str, data: bytes, *algorithms: str) -> dict[str, bytes]:
    """A file and its checksum files."""
    sums = {f"{path}.{name}": hashlib.new(name, data).hexdigest().encode() for name in algorithms or ("sha1", "md5")}
    return {path: data, **sums}


def release(version: str = "1.0") -> dict[str, bytes]:
    """org.acme:lib in a version, as a repository has it."""
    stem = f"org/acme/lib/{version}/lib-{version}"
    return {
        **checked(f"{stem}.jar", JAR + version.encode()),
        **checked(f"{stem}.pom", POM + version.encode()),
        **checked(f"{stem}-sources.jar", JAR, "sha256", "sha512"),
        f"{stem}.jar.asc": ASC,
        **checked(f"{stem}.module", b"{}"),
    }


METADATA = checked("org/acme/lib/maven-metadata.xml", b"<metadata/>")


def artifacts(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Those that are sent."""
    endings = (".md5", ".sha1", ".sha256", ".sha512", "maven-metadata.xml")
    return {path: data for path, data in files.items() if not path.endswith(endings)}


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    """The folder, with the files in it."""
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def paths(tree: Tree) -> list[str]:
    """Of all files that a walk finds, in its order."""
    folders = (each for each in tree.walk() if isinstance(each, Folder))
    return [f"{each.path}/{found.name}".lstrip("/") for each in folders for found in each.files]


class Listing:
    """What a server at ``/base/`` answers: files, and pages that list them as autoindex modules do.

    A handler of ``ScriptedUpstream``.
    """

    def __init__(self, files: Mapping[str, bytes], base: str = "/base/") -> None:
        self.files = dict(files)
        self.base = base
        self.headers: dict[str, str] = {}  # of files

    def __call__(self, target: str) -> tuple[int, Mapping[str, str], bytes] | None:
        path = unquote(target.partition("?")[0])
        if not path.startswith(self.base):
            return None
        path = path.removeprefix(self.base)
        if path in self.files:
            return 200, self.headers, self.files[path]
        names = self.names(path)
        if (path and not path.endswith("/")) or not names:
            return None
        return 200, {"Content-Type": "text/html;charset=utf-8"}, self.page(path, names).encode()

    def names(self, folder: str) -> list[str]:
        """What lies right in it, folders with a slash."""
        below = [path.removeprefix(folder) for path in self.files if path.startswith(folder)]
        return sorted({name.partition("/")[0] + "/" * ("/" in name) for name in below})

    def page(self, folder: str, names: list[str]) -> str:
        head = f'<html><h1>Index of /{folder}</h1><a href="?C=N;O=D">Name</a><a href="../">../</a>'
        links = "".join(f'<a href="{quote(name)}">{name}</a>  01-Jan-2024 10:00  -\n' for name in names)
        return f"{head}<pre>{links}</pre></html>"

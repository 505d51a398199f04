"""A tree of files in a folder of this machine.

Symbolic links are followed as far as they stay inside the tree: what lies elsewhere may not be meant for others.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mxart.cli.copies.trees import (
    HIDDEN,
    MAX_DEPTH,
    MAX_SMALL,
    TOO_DEEP,
    UNREADABLE,
    Content,
    Folder,
    Found,
    LeftOut,
    Reason,
    Unreadable,
)

LEADS_OUT = Reason("a link out of the tree, or to nothing", is_loss=True)
LEADS_BACK = Reason("a link to a folder that is copied anyway")
NO_FILE = Reason("neither a file nor a folder")


class LocalTree:
    """`Tree` of a folder."""

    def __init__(self, top: Path) -> None:
        self._top = top.resolve()

    def walk(self) -> Iterator[Folder | LeftOut]:
        """As `Tree.walk`; in the order of the names. Each folder is reached by one link at most."""
        scan = _Scan(self._top)
        pending = [""]
        while pending:
            path = pending.pop()
            if path.count("/") >= MAX_DEPTH:
                yield LeftOut(f"{path}/", TOO_DEEP)
                continue
            level = scan.level(path)
            yield from level.left_out
            if level.files:
                yield Folder(path, level.files)
            pending.extend(reversed(level.folders))

    @contextmanager
    def open(self, path: str) -> Iterator[Content]:
        """As `Tree.open`."""
        try:
            file = (self._top / path).open("rb")
        except OSError as error:
            raise Unreadable.by(error) from error
        with file:
            yield Content(file, os.fstat(file.fileno()).st_size)

    def small(self, path: str) -> bytes:
        """As `Tree.small`."""
        try:
            with (self._top / path).open("rb") as file:
                return file.read(MAX_SMALL)
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise Unreadable.by(error) from error

    def said(self, path: str) -> Mapping[str, str]:
        """As `Tree.said`: a file system says nothing."""
        return {}


@dataclass(slots=True)
class _Level:
    """What was found right in one folder."""

    files: list[Found] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)  # paths
    left_out: list[LeftOut] = field(default_factory=list)


class _Scan:
    """One walk; it remembers which folders a link has led to."""

    def __init__(self, top: Path) -> None:
        self._top = top
        self._followed: set[str] = set()

    def level(self, path: str) -> _Level:
        """What lies right in the folder at ``path``."""
        level = _Level()
        try:
            with os.scandir(self._top / path) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            level.left_out.append(LeftOut(f"{path}/", UNREADABLE, str(Unreadable.by(error))))
            return level
        for entry in entries:
            self._sort(entry, f"{path}/{entry.name}" if path else entry.name, level)
        return level

    def _sort(self, entry: os.DirEntry[str], path: str, level: _Level) -> None:
        try:
            is_folder = entry.is_dir()
            reason = self._reason(entry, path, is_folder)
            if reason is not None:
                level.left_out.append(LeftOut(f"{path}/" if is_folder else path, reason))
            elif is_folder:
                level.folders.append(path)
            else:
                level.files.append(Found(entry.name, entry.stat().st_size))
        except OSError as error:
            level.left_out.append(LeftOut(path, UNREADABLE, str(Unreadable.by(error))))

    def _reason(self, entry: os.DirEntry[str], path: str, is_folder: bool) -> Reason | None:
        if entry.name.startswith("."):
            return HIDDEN
        if entry.is_symlink():
            target = os.path.realpath(entry.path)
            if not Path(target).exists() or not _is_in(target, str(self._top)):
                return LEADS_OUT
            if is_folder and not self._is_new(target, path):
                return LEADS_BACK
        return None if is_folder or entry.is_file() else NO_FILE

    def _is_new(self, target: str, path: str) -> bool:
        """Whether a link at ``path`` may lead to the folder ``target``: the first, unless it leads back."""
        way = (self._top / above for above in Path(path).parents)
        if target in self._followed or any(_is_in(os.path.realpath(each), target) for each in way):
            return False
        self._followed.add(target)
        return True


def _is_in(path: str, folder: str) -> bool:
    return Path(path).is_relative_to(folder)

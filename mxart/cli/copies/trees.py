"""A tree of files that is to be copied, wherever it lies: what it has, and why something of it is left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

MAX_DEPTH = 64  # folders inside each other
MAX_SMALL = 4096  # bytes of a file that is as small as a checksum


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is left out. ``is_loss``: something of worth is missing then where the tree was copied to."""

    text: str
    is_loss: bool = False


HIDDEN = Reason("hidden")
UNREADABLE = Reason("cannot be read", is_loss=True)
TOO_DEEP = Reason(f"more than {MAX_DEPTH} folders deep", is_loss=True)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file, or a folder with all that is in it. ``path``: a folder's ends in a slash. ``detail``: a sentence more."""

    path: str
    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A file of a folder. ``size``: bytes; None: nobody has said."""

    name: str
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder with the files right in it. ``path``: "" for the top, no slash at its end."""

    path: str
    files: Sequence[Found]


@dataclass(frozen=True, slots=True)
class Content:
    """What is in a file, from its start. ``said``: the digests that came with it, hexadecimal, by algorithm."""

    file: BinaryIO
    size: int  # bytes
    said: Mapping[str, str] = field(default_factory=dict)


AGAIN = "Run it again: it goes on where it ended."


class Unreadable(Exception):
    """A file of the tree cannot be had; the text says why."""

    @classmethod
    def by(cls, error: OSError) -> Unreadable:
        """It is this machine that says so."""
        return cls(error.strerror or type(error).__name__)


class Ended(Exception):
    """The copying cannot go on; the text says why, and what to do."""


class Tree(Protocol):
    """A tree of files. All methods but `walk` are called from many threads; all may raise Ended."""

    def walk(self) -> Iterator[Folder | LeftOut]:
        """Its folders that have files, one after the other, and what of it cannot be had. Each walk begins anew."""
        ...

    def open(self, path: str) -> AbstractContextManager[Content]:
        """A file, while the context lasts. Raises Unreadable."""
        ...

    def small(self, path: str) -> bytes:
        """The first `MAX_SMALL` bytes of a file; b"" when it is not there. Raises Unreadable."""
        ...

    def said(self, path: str) -> Mapping[str, str]:
        """The digests that are said of a file without reading it, as in `Content`. Raises Unreadable."""
        ...

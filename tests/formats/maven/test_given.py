"""Which checksum a client is told of a document that has changed since it was given it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path

import pytest

from mxart.formats.maven import paths
from mxart.formats.maven.given import Given
from mxart.model import Blob, Bytes, Digest, Principal, Request

METADATA = paths.metadata("org/acme/lib")
SHA1 = paths.checksum(METADATA, "sha1")


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Place:
    """Where documents are given."""

    folder: Path
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.given = Given(self.clock)

    def give(self, request: Request, data: bytes, document: paths.MavenResource = METADATA) -> None:
        file = self.folder / "document"
        file.write_bytes(data)
        checksums = {"sha1": sha1(data)}
        digest = Digest("sha256", hashlib.sha256(data).hexdigest())
        blob = Blob(file=FileIO(file), size=len(data), digest=digest, checksums=checksums)
        self.given.note(request, document, blob)
        blob.close()

    def told(self, request: Request, checksum: paths.MavenResource = SHA1) -> str:
        content = self.given.told(request, checksum)
        return content.data.decode() if content else ""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def sha1(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


def by(connection: int, name: str = "") -> Request:
    return Request(method="GET", path="", connection=connection, principal=Principal(name=name))


def test_the_checksum_is_that_of_what_was_given_on_the_same_connection(place: Place) -> None:
    place.give(by(1), b"old")
    place.give(by(2), b"new")
    assert place.told(by(1)) == sha1(b"old")
    assert place.told(by(2)) == sha1(b"new")
    assert place.told(by(1), paths.checksum(METADATA, "sha256")) == hashlib.sha256(b"old").hexdigest()
    place.give(by(1), b"newer")
    assert place.told(by(1)) == sha1(b"newer")


def test_nobody_is_told_of_what_was_given_to_others(place: Place) -> None:
    place.give(by(1, "ann"), b"hers")
    assert place.told(by(1, "bob")) == place.told(by(1)) == place.told(by(2, "ann")) == ""


def test_other_documents_other_algorithms_and_nothing(place: Place) -> None:
    assert place.told(by(1)) == ""
    place.give(by(1), b"one")
    assert place.told(by(1), paths.checksum(paths.metadata("org/acme/other"), "sha1")) == ""
    assert place.told(by(1), paths.checksum(METADATA, "md5")) == ""


def test_after_a_while_it_is_another_question(place: Place) -> None:
    place.give(by(1), b"one")
    place.clock.now += 9.9
    assert place.told(by(1)) == sha1(b"one")
    place.clock.now += 0.2
    assert place.told(by(1)) == ""


def test_what_came_by_no_connection_or_has_no_checksums_is_not_noted(place: Place) -> None:
    place.give(by(0), b"one")
    place.given.note(by(1), METADATA, Bytes(data=b"one"))
    assert place.told(by(0)) == place.told(by(1)) == ""
    place.give(by(1), b"one")
    place.given.note(by(1), METADATA, Bytes(data=b"other"))
    assert place.told(by(1)) == "", "that was of what was given before"


def test_only_so_many_are_remembered(place: Place) -> None:
    for number in range(1, 1102):
        place.give(by(number), b"one")
    assert place.told(by(1)) == ""
    assert place.told(by(1101)) == place.told(by(200)) == sha1(b"one")


def test_who_changes_something_asks_about_what_stands_then(place: Place) -> None:
    place.give(by(1), b"old")
    place.give(by(2), b"old")
    place.given.forget(by(1, "ann"))
    assert place.told(by(1)) == ""
    assert place.told(by(2)) == sha1(b"old")

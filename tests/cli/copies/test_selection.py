from __future__ import annotations

import pytest

from mxart.cli.copies.selection import sort_out
from mxart.cli.copies.trees import HIDDEN, Folder, Found, LeftOut
from mxart.formats.maven.trees import Artifact


def test_an_artifact_is_sent() -> None:
    files = [Found("lib-1.0.jar", 7), Found("lib-1.0.jar.sha1", 40)]
    assert list(sort_out(Folder("g/lib/1.0", files))) == [Artifact("g/lib/1.0/lib-1.0.jar", 7, ("sha1",))]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (".lib-1.0.jar.swp", HIDDEN.text),
        ("maven-metadata.xml", "the server makes it itself"),
        ("_remote.repositories", "a note of a client or a server for itself"),
        ("build.log", "outside the Maven layout"),
        ("lib-1.0.jar.md5", "a checksum of nothing that is there"),
    ],
)
def test_why_a_file_is_not_sent(name: str, words: str) -> None:
    (found,) = sort_out(Folder("g/lib/1.0", [Found(name)]))
    assert isinstance(found, LeftOut)
    assert (found.path, found.reason.text, found.reason.is_loss) == (f"g/lib/1.0/{name}", words, False)

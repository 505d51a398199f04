"""What of a folder is sent, as the format sorts it out, and why the rest is not, as a person is told."""

from __future__ import annotations

from collections.abc import Iterator

from mxart.cli.copies.trees import HIDDEN, Folder, LeftOut, Reason
from mxart.formats.maven import trees
from mxart.formats.maven.trees import Artifact, Why

_REASONS = {
    Why.HIDDEN: HIDDEN,
    Why.GENERATED: Reason("the server makes it itself"),
    Why.BOOKKEEPING: Reason("a note of a client or a server for itself"),
    Why.OUTSIDE: Reason("outside the Maven layout"),
    Why.ORPHAN: Reason("a checksum of nothing that is there"),
}


def sort_out(folder: Folder) -> Iterator[Artifact | LeftOut]:
    """As `mxart.formats.maven.trees.sort_out`."""
    for each in trees.sort_out(folder.path, {found.name: found.size for found in folder.files}):
        yield each if isinstance(each, Artifact) else LeftOut(each.path, _REASONS[each.why])

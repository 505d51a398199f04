"""What lies right below a folder, told from all that lies there: slow, and plain enough to be believed."""

from __future__ import annotations

from collections.abc import Iterable

from mxart.model import Child, Entry


def children_of(entries: Iterable[Entry], folder: str, after: str = "", limit: int = 1_000_000) -> list[Child]:
    """The page of `contract.Repository.children`, of a repository that holds these entries."""
    found: dict[bytes, Child] = {}
    for entry in entries:
        segment, slash, _ = entry.path.removeprefix(folder).partition("/")
        if entry.path.startswith(folder) and entry.path != folder:
            name = segment + slash
            found[name.encode()] = Child(name, None if slash else entry)
    return [found[name] for name in sorted(found) if name > after.encode()][:limit]

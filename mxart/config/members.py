"""What groups say of their members: that they are there, of one format, and in no circle; who takes what is published.

Each check notes what is wrong at the group's table. A group none of whose members is wrong can be built.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from mxart.config.tables import Table, did_you_mean
from mxart.settings import RepositorySettings

Repositories = Sequence[tuple[Table, RepositorySettings]]
ByName = Mapping[str, RepositorySettings]


def check(repositories: Repositories, names: Collection[str]) -> None:
    """All that is wrong with the members of any group has been noted. ``names``: of all repositories, those included
    of which so much is wrong that they could not be read."""
    by_name = {repository.name: repository for _, repository in repositories}
    for table, group in repositories:
        if group.kind == "group":
            for message in (*_wrong_members(group, by_name, names), *_wrong_circle(group, by_name)):
                table.wrong("members", message)
            for message in _wrong_publish_to(group, by_name):
                table.wrong("publish_to", message)
            for member in group.exclusive:
                if member not in group.members:
                    message = f'"{member}" is no member of this group{did_you_mean(member, group.members)}'
                    table.wrong("exclusive", message)


def _wrong_members(group: RepositorySettings, by_name: ByName, names: Collection[str]) -> Iterator[str]:
    for member in dict.fromkeys(group.members):
        if group.members.count(member) > 1:
            yield f'"{member}" is there twice; want each member once'
        if member not in names:
            others = [name for name, other in by_name.items() if other.format == group.format and name != group.name]
            yield f'no repository "{member}"{did_you_mean(member, others)}'
        elif member in by_name and by_name[member].format != group.format:
            yield f'"{member}" is of the format "{by_name[member].format}"; want members of "{group.format}" only'


def _wrong_circle(group: RepositorySettings, by_name: ByName) -> Iterator[str]:
    """One circle that leads back to the group, if there is any."""
    ways: list[tuple[str, ...]] = [(group.name, member) for member in group.members]
    seen: set[str] = set()
    while ways:
        way = ways.pop(0)  # the shortest first
        if way[-1] == group.name:
            yield f"these lead back to the group itself ({' → '.join(way)}); leave one of them out"
            return
        if way[-1] in by_name and way[-1] not in seen:
            seen.add(way[-1])
            ways += [(*way, member) for member in by_name[way[-1]].members]


def _wrong_publish_to(group: RepositorySettings, by_name: ByName) -> Iterator[str]:
    name = group.publish_to
    if name and name not in group.members:
        yield f"this is no member of the group{did_you_mean(name, group.members)}"
    elif name in by_name:
        taker = by_name[name]
        if taker.kind == "proxy" or (taker.kind == "group" and not taker.publish_to):
            sort = "a proxy" if taker.kind == "proxy" else "a group without publish_to"
            yield f"{sort} takes nothing that is published; want a hosted member, or a group that has publish_to"

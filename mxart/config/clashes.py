"""What no table can know alone: names, addresses and URLs that stand in each other's way, and references into nothing.

Each check leaves with every clash noted, at the table that comes later in the file.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mxart.config.tables import Table, did_you_mean
from mxart.settings import ListenerSettings, RepositorySettings

Listeners = Sequence[tuple[Table, ListenerSettings]]
Repositories = Sequence[tuple[Table, RepositorySettings]]


def names_differ(named: Sequence[tuple[Table, str]]) -> None:
    """No two tables of a sort have the same name."""
    seen: set[str] = set()
    for table, name in named:
        if name and name in seen:
            table.wrong("name", "this name is taken by a table above; want another one")
        seen.add(name)


def addresses_differ(listeners: Listeners) -> None:
    """No two addresses are the same, or one of them all addresses with the other's port."""
    seen: list[tuple[str, str]] = []
    for table, listener in listeners:
        for address in listener.listen:
            for other, owner in seen:
                if _same_address(address, other):
                    table.wrong("listen", f'{address} is taken by {other} of listener "{owner}"; want another port')
            seen.append((address, listener.name))
    if not seen:
        for table, _ in listeners[:1]:
            table.wrong("listen", 'there is no address to listen on; want ["127.0.0.1:8080"] or the like')


def _same_address(one: str, other: str) -> bool:
    if one.startswith("unix:") or other.startswith("unix:"):
        return one == other
    host, _, port = one.rpartition(":")
    other_host, _, other_port = other.rpartition(":")
    if port != other_port or port == "0":  # port 0: the kernel picks a free one for each
        return False
    if host.startswith("[") != other_host.startswith("["):
        return False
    return host == other_host or {host, other_host} & {"0.0.0.0", "[::]"} != set()


def stores_exist(repositories: Repositories, stores: Collection[str]) -> None:
    """Every repository picks a store that is configured."""
    for table, repository in repositories:
        if repository.store not in stores:
            table.wrong("store", f"no such store{did_you_mean(repository.store, stores)}")


def base_urls_apart(repositories: Repositories) -> None:
    """No base URL is another's, lies under it, or comes from a name that the server keeps for itself."""
    seen: list[RepositorySettings] = []
    for table, repository in repositories:
        if repository.base_url == "/v2":
            table.missing("base_url", 'the name "v2" leads to "/v2", which is Docker\'s; want a base_url')
        if not repository.base_url:
            continue
        for other in seen:
            if repository.name != other.name and _nested(repository.base_url, other.base_url):
                message = f'{repository.base_url} is in the way of repository "{other.name}" at {other.base_url}'
                table.missing("base_url", f"{message}; want another path")
        seen.append(repository)


def _nested(one: str, other: str) -> bool:
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def hosts_differ(repositories: Repositories, listeners: Collection[str]) -> None:
    """Every host binding names a listener that is configured, and no two are the same."""
    owners: dict[tuple[str, str], str] = {}
    for table, repository in repositories:
        for binding in repository.hosts:
            if binding.listener and binding.listener not in listeners:
                table.wrong("hosts", f'no listener "{binding.listener}"{did_you_mean(binding.listener, listeners)}')
            owner = owners.setdefault((binding.listener, binding.host), repository.name)
            if owner != repository.name or repository.hosts.count(binding) > 1:
                message = f'{binding.host} on listener "{binding.listener}" leads to repository "{owner}" already'
                table.wrong("hosts", f"{message}; want another host name")


def all_reachable(repositories: Repositories) -> None:
    """Every repository has a base URL or a host, or is a member of a group."""
    members = {member for _, repository in repositories for member in repository.members}
    for table, repository in repositories:
        if not repository.base_url and not repository.hosts and repository.name not in members:
            message = "nobody can reach this repository; want a path, a host name in hosts, or a group that it is in"
            table.wrong("base_url", message)

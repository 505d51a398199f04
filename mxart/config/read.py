"""A whole configuration: its tables in their order, then what only all of them together can tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mxart.config import clashes, members
from mxart.config.document import read_document
from mxart.config.problems import Problem, Problems, show
from mxart.config.repositories import read_repository
from mxart.config.server import read_access, read_listener, read_server, read_store, stores_apart
from mxart.config.starters import starters
from mxart.config.tables import Table
from mxart.config.upstreams import Surroundings
from mxart.config.values import address
from mxart.registration import FormatFactory, Proposal
from mxart.settings import ListenerSettings, RepositorySettings, ServerSettings, Settings, StoreSettings

BUILT_IN = "built-in quick start"

Document = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What the command line says, and so wins over the file."""

    workers: int | None = None
    listen: tuple[str, ...] = ()  # relative socket paths are taken from the working directory


NO_OVERRIDES = Overrides()


def load(
    file: Path, formats: Mapping[str, FormatFactory], environ: Mapping[str, str], overrides: Overrides = NO_OVERRIDES
) -> Settings:
    """The settings that ``file`` says, checked whole. Reads the file, and the files of secrets and keys it names.

    Raises ConfigurationError with every problem found.
    """
    problems = Problems(str(file))
    document = read_document(file, problems)
    around = Surroundings(file.parent.resolve(), environ)
    return _Reading(document, problems, around, formats, overrides).settings()


def quick_start(
    proposals: Sequence[Proposal],
    formats: Mapping[str, FormatFactory],
    environ: Mapping[str, str],
    overrides: Overrides = NO_OVERRIDES,
) -> Settings:
    """Without a file: the repositories to start with, each proposal a proxy among them; the store is ``./data``.

    Raises ConfigurationError.
    """
    tables = [starter.table for starter in starters(proposals, formats)]
    around = Surroundings(Path.cwd(), environ)
    return _Reading({"repository": tables}, Problems(BUILT_IN), around, formats, overrides).settings()


class _Reading:
    """One pass over a document."""

    def __init__(
        self,
        document: Document,
        problems: Problems,
        around: Surroundings,
        formats: Mapping[str, FormatFactory],
        overrides: Overrides,
    ) -> None:
        self._top = Table("", document, problems)
        self._problems = problems
        self._around = around
        self._formats = formats
        self._overrides = overrides
        self._names: set[str] = set()  # of the repositories, those included that are wrong

    def settings(self) -> Settings:
        """Raises ConfigurationError."""
        server, listeners = self._listeners()
        stores = self._stores()
        access = read_access(self._single("access"))
        repositories = self._repositories()
        self._top.finish()
        clashes.stores_exist(repositories, stores)
        clashes.base_urls_apart(repositories)
        clashes.hosts_differ(repositories, [listener.name for listener in listeners])
        clashes.all_reachable(repositories)
        members.check(repositories, self._names)
        self._problems.raise_if_any()
        return Settings(
            source=self._problems.file,
            server=server,
            listeners=listeners,
            stores=stores,
            access=access,
            repositories=tuple(repository for _, repository in repositories),
        )

    def _listeners(self) -> tuple[ServerSettings, tuple[ListenerSettings, ...]]:
        table = self._single("server")
        server = self._overridden(read_server(table, self._around.folder))
        listeners = [(table, ListenerSettings(name="main", listen=server.listen))]
        listeners += [(each, read_listener(each, self._around.folder)) for each in self._array("listener")]
        clashes.names_differ([(each, listener.name) for each, listener in listeners])
        clashes.addresses_differ(listeners)
        return server, tuple(listener for _, listener in listeners)

    def _overridden(self, server: ServerSettings) -> ServerSettings:
        if self._overrides.workers is not None:
            server = replace(server, workers=self._overrides.workers)
        return replace(server, listen=tuple(self._listen_option()) or server.listen)

    def _listen_option(self) -> Iterator[str]:
        for given in self._overrides.listen:
            try:
                yield address(given, Path.cwd())
            except ValueError as error:
                self._problems.found.append(Problem("command line", "", "--listen", show(given), str(error)))

    def _stores(self) -> dict[str, StoreSettings]:
        parent = self._single("store")
        tables = {"default": Table("[store.default]", {}, self._problems)}
        for name in parent:
            if not isinstance(parent.take_raw(name), Mapping):
                parent.missing(name, "the keys of a store go into a table with its name: [store.default]")
            elif table := parent.take_table(name):
                tables[name] = table.renamed(f"[store.{name}]")
        stores = [(table, read_store(name, table, self._around.folder)) for name, table in tables.items()]
        stores_apart(stores)
        return {store.name: store for _, store in stores}

    def _repositories(self) -> list[tuple[Table, RepositorySettings]]:
        tables = self._array("repository")
        self._names = {name for table in tables if isinstance(name := table.take_raw("name"), str)}
        read = [(table, read_repository(table, self._around, self._formats)) for table in tables]
        clashes.names_differ([(table, repository.name) for table, repository in read if repository])
        return [(table, repository) for table, repository in read if repository]

    def _single(self, key: str) -> Table:
        """``[key]``, empty when it is not there."""
        value = self._top.take_raw(key)
        if value is not None and not isinstance(value, Mapping):
            wanted = "[store.NAME]" if key == "store" else f"[{key}]"
            self._problems.add(f"[[{key}]]" if isinstance(value, list) else "", key, None, f"want a table {wanted}")
        return Table(f"[{key}]", value if isinstance(value, Mapping) else {}, self._problems)

    def _array(self, key: str) -> list[Table]:
        """Each ``[[key]]``, called by its name where it has one."""
        value = self._top.take_raw(key)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
            self._problems.add(f"[{key}]", "", None, f"want double brackets: [[{key}]]")
            return []
        return [self._titled(key, number, item) for number, item in enumerate(value, start=1)]

    def _titled(self, key: str, number: int, item: Document) -> Table:
        label = item.get("name")
        title = f'"{label}"' if isinstance(label, str) and label.isprintable() else f"number {number}"
        return Table(f"[[{key}]] {title}", item, self._problems)

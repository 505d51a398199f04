"""URL paths of a Go repository ↔ what they ask for, both ways.

``parse`` reads any string; whatever it returns was built by the constructors below it, so a path has one normal form
and ``parse(resource.path, …) == resource``. It does not know what the answers look like.

Specifications: Go Modules Reference, "GOPROXY protocol"; design document 25530, "Proxying a Checksum Database".
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal, get_args
from urllib.parse import quote

from mxart.errors import Invalid, NotFound
from mxart.formats.go import names
from mxart.formats.go.sumdb import Tile, parse_tile
from mxart.model import Resource

VersionKind = Literal["info", "mod", "zip"]
_DEEPEST = 32  # elements; the longest path has a thousand
VERSION_KINDS: tuple[VersionKind, ...] = get_args(VersionKind)
_STAGED = "staged"  # a module path's first element has a dot
BORDER = "/@v/"  # between a module's path and its files


@dataclass(frozen=True, slots=True, kw_only=True)
class GoResource(Resource):
    """A Go resource with its parts. ``kind`` is one of list, latest, info, mod, zip, staged-info, staged-mod,
    sumdb-supported, sumdb-latest, sumdb-lookup and sumdb-tile."""

    module: str = ""  # not escaped
    version: str = ""  # not escaped; of an info also a branch, a tag or a commit
    database: str = ""  # of the sumdb kinds: the checksum database's name
    tile: Tile | None = None


# --- what there is to ask for ------------------------------------------------------------------------------------


def version_list(module: str) -> GoResource:
    """The versions of a module. Raises Invalid."""
    names.check_module_path(module)
    return GoResource(path=f"{names.escape(module)}/@v/list", kind="list", package=module, module=module)


def latest(module: str) -> GoResource:
    """The version that a module's ``latest`` means. Raises Invalid."""
    names.check_module_path(module)
    return GoResource(path=f"{names.escape(module)}/@latest", kind="latest", package=module, module=module)


def version_file(module: str, version: str, kind: VersionKind) -> GoResource:
    """One of the three files of a version; an info may be asked for by branch, tag or commit too.

    Raises Invalid for malformed names and for a .mod or .zip of what is no canonical version; NotFound for a version
    that the module cannot have.
    """
    names.check_module_path(module)
    names.check_version(version)
    if kind != "info":
        names.check_version_of(module, version)
    path = f"{names.escape(module)}/@v/{names.escape(version)}.{kind}"
    return GoResource(path=path, kind=kind, package=module, module=module, version=version)


def sibling(resource: GoResource, kind: VersionKind) -> GoResource:
    """Another of the three files of the same version."""
    return replace(resource, path=f"{resource.path.removesuffix(resource.kind)}{kind}", kind=kind)


def staged(resource: GoResource) -> GoResource:
    """Where an .info or .mod waits that was published before its .zip. No path that is parsed leads there."""
    return replace(resource, path=f"{_STAGED}/{resource.path}", kind=f"staged-{resource.kind}")


def folder(module: str) -> str:
    """The path below which all files of a module lie, with its last slash; "" for none."""
    return f"{names.escape(module)}{BORDER}" if module else ""


def above(resource: GoResource) -> tuple[str, ...]:
    """The folders of the modules that its module's path lies below, the nearest first: it may be a package of theirs,
    or a later major version. Modules of more than `_DEEPEST` elements are not among them: each is looked up.

    >>> above(version_list("corp.example.com/Lib/v2"))
    ('corp.example.com/!lib/@v/', 'corp.example.com/@v/')
    """
    elements = names.escape(resource.module).split("/")
    deepest = min(len(elements) - 1, _DEEPEST)
    return tuple(f"{'/'.join(elements[:end])}/@v/" for end in range(deepest, 0, -1))


def supported(database: str) -> GoResource:
    """Whether a checksum database is proxied here."""
    return GoResource(path=f"sumdb/{database}/supported", kind="sumdb-supported", database=database)


def tree_head(database: str) -> GoResource:
    """A checksum database's newest signed tree head."""
    path, upstream = f"sumdb/{database}/latest", f"sumdb/{database}"
    return GoResource(path=path, kind="sumdb-latest", upstream=upstream, database=database)


def lookup(database: str, module: str, version: str) -> GoResource:
    """A checksum database's record of a version. Raises as `version_file`.

    ``package`` is the module, so that a rule which blocks a private name also keeps it from leaking to the database.
    """
    names.check_module_path(module)
    names.check_version(version)
    names.check_version_of(module, version)
    return GoResource(
        path=f"sumdb/{database}/lookup/{names.escape(module)}@{names.escape(version)}",
        kind="sumdb-lookup",
        package=module,
        upstream=f"sumdb/{database}",
        module=module,
        version=version,
        database=database,
    )


def tile(database: str, coordinates: Tile) -> GoResource:
    """A tile of a checksum database's log."""
    path, upstream = f"sumdb/{database}/{coordinates}", f"sumdb/{database}"
    return GoResource(path=path, kind="sumdb-tile", upstream=upstream, database=database, tile=coordinates)


# --- paths to them and back --------------------------------------------------------------------------------------


def parse(path: str, databases: Collection[str]) -> GoResource:
    """What a percent-decoded path below the repository asks for; ``databases`` are the names that are proxied.

    Raises Invalid for malformed names, NotFound for paths outside the protocol and databases that are not proxied.
    """
    if path.startswith("sumdb/"):
        return _parse_sumdb(path.removeprefix("sumdb/"), databases)
    module, at, file = path.rpartition("/@v/")
    if at:
        return _parse_version_file(names.unescape_module_path(module), file)
    if path.endswith("/@latest"):
        return latest(names.unescape_module_path(path.removesuffix("/@latest")))
    raise NotFound(f"{path[:200]!r} is not a path of the Go module proxy protocol.")


def _parse_version_file(module: str, file: str) -> GoResource:
    if file == "list":
        return version_list(module)
    escaped, _, extension = file.rpartition(".")
    for kind in VERSION_KINDS:
        if extension == kind:
            return version_file(module, names.unescape_version(escaped), kind)
    raise NotFound(f"{file[:200]!r} is not a file of the Go module proxy protocol: want list, .info, .mod or .zip.")


def _parse_sumdb(path: str, databases: Collection[str]) -> GoResource:
    database = max((name for name in databases if path.startswith(f"{name}/")), key=len, default="")
    if not database:
        raise _not_configured(path)
    asked = path.removeprefix(f"{database}/")
    if asked == "supported":
        return supported(database)
    if asked == "latest":
        return tree_head(database)
    if asked.startswith("tile/"):
        return tile(database, parse_tile(asked))
    if asked.startswith("lookup/"):
        return _parse_lookup(database, asked.removeprefix("lookup/"))
    raise NotFound(f"{asked[:200]!r} is not a path of a checksum database: want supported, latest, lookup/ or tile/.")


def _parse_lookup(database: str, asked: str) -> GoResource:
    module, at, version = asked.rpartition("@")
    if not at:
        raise Invalid("A lookup in a checksum database asks for MODULE@VERSION.")
    return lookup(database, names.unescape_module_path(module), names.unescape_version(version))


def _not_configured(path: str) -> NotFound:
    """A name that nobody configured is never taken for a host to ask."""
    name = path
    for marker in ("/supported", "/latest", "/lookup/", "/tile/"):
        name = name.partition(marker)[0]
    return NotFound(
        f"The checksum database {name[:100]!r} is not proxied here: "
        'its name and URL go into the repository\'s key sumdb = { "NAME" = "URL" }.'
    )


def upstream_path(resource: GoResource) -> str:
    """The percent-encoded path below the upstream that ``resource.upstream`` names, as the go command spells it.

    (The go command sends "!" as %21.)
    """
    path = resource.path.removeprefix(f"sumdb/{resource.database}/") if resource.database else resource.path
    return quote(path, safe="/@$&+=:~")

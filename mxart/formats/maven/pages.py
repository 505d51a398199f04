"""The page of a folder, for people: what lies in it, a thousand at a time. Build tools ask for none.

It shows what is held: of a proxy what it has fetched, of a group what its members have.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qs, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from mxart.contract import Context, Repository
from mxart.errors import Invalid, NotFound
from mxart.formats.maven import names, paths
from mxart.formats.maven.paths import MavenResource
from mxart.model import Bytes, Child, Request, Resource, Response
from mxart.offload import offload
from mxart.units import format_rfc3339, format_size

PAGE = 1000  # lines

_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


@dataclass(frozen=True, slots=True)
class _Line:
    """What the page shows of a file or a folder."""

    name: str
    href: str
    size: str
    time: str


async def page(request: Request, folder: MavenResource, repository: Repository, context: Context) -> Response:
    """The page of the folder, from the name after ``?after=``. Raises NotFound when nothing is in it, Invalid."""
    after = _after(request.query)
    found = await _below(folder, repository, after, PAGE + 1, context)
    if not found and (after or folder.url_path):
        raise NotFound(f"nothing lies in {folder.url_path} of {repository.name}")
    html = await offload(_rendered, repository.name, folder.url_path, found, after)
    return Response(200, Bytes(data=html, media_type="text/html; charset=utf-8"), dict(_HEADERS))


def _rendered(repository: str, folder: str, found: Sequence[Child], after: str) -> bytes:
    """``found``: one more than a page shows, if there are more."""
    shown = found[:PAGE]
    last = shown[-1].name if len(found) > PAGE else ""
    page = _template().render(
        repository=repository,
        folder=folder,
        crumbs=_crumbs(folder),
        lines=[_line(child) for child in shown],
        further=f"?{urlencode({'after': last})}" if last else "",
        is_first=not after,
    )
    return page.encode()


async def is_folder(url_path: str, repository: Repository, context: Context) -> bool:
    """Does anything lie below a path, which has no slash at its end?"""
    return bool(await _below(paths.directory(f"{url_path}/"), repository, "", 1, context))


async def _below(
    folder: MavenResource, repository: Repository, after: str, most: int, context: Context
) -> Sequence[Child]:
    """At most so many of those that lie in the folder; what belongs to a package stands among it, as in its URL."""
    limit = most + 3  # the folder of a package and notes are no lines of their own
    found: dict[str, Child] = {}
    for place in _places(folder.url_path):
        for child in await repository.children(Resource(path=place, kind="directory"), after, limit, context):
            if not child.name.startswith("@"):
                found.setdefault(child.name, child)
    return sorted(found.values(), key=lambda child: child.name.encode())[:most]


def _places(url_path: str) -> Iterable[str]:
    """Where in the index lies what a folder shows: it may be the folder of a group, of a package, or of a version."""
    yield url_path
    *above, name = url_path.rstrip("/").split("/")
    if above:
        yield f"{'/'.join([*above, name])}{paths.BORDER}"
    if len(above) >= 2:
        yield f"{'/'.join(above)}{paths.BORDER}{name}/"


def _after(query: str) -> str:
    try:
        after = parse_qs(query, keep_blank_values=True, max_num_fields=8).get("after", [""])[-1]
    except ValueError as error:
        raise Invalid(f"the query {query[:80]!r} is not understood: want ?after=NAME, or none") from error
    if after and (len(after) > names.MAX_SEGMENT + 1 or not after.isprintable()):
        raise Invalid(f"{after[:80]!r} is no name that a folder has")
    return after


def _line(child: Child) -> _Line:
    entry = child.entry
    return _Line(
        name=child.name,
        href=f"./{paths.quoted(child.name)}",  # "a:b" by itself would be a URL with a scheme
        size=format_size(entry.size) if entry is not None else "",
        time=_minute(entry.published or entry.created) if entry is not None else "",
    )


def _minute(instant: float) -> str:
    """UTC seconds as a person reads them in a table.

    >>> _minute(1_700_000_000.0)
    '2023-11-14 22:13'
    """
    return format_rfc3339(instant)[:16].replace("T", " ")


def _crumbs(url_path: str) -> Sequence[tuple[str, str]]:
    """The folders above and itself, each with the way up to it."""
    segments = url_path.rstrip("/").split("/") if url_path else []
    return [(segment, "../" * (len(segments) - number) or "./") for number, segment in enumerate(segments, 1)]


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("mxart.formats.maven"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("folder.html")

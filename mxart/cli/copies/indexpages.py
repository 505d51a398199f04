"""Pages of HTML on which a server lists what lies in a folder, whoever made them; pure.

A page is hostile: only links to what lies right below it count, in whatever spelling they come.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from mxart.errors import BadUpstream, Invalid
from mxart.httpfields import targets
from mxart.upstream.redirects import Origin

MAX_PAGE = 8 << 20  # bytes
MAX_NAMES = 50_000  # on a page; more is more than one folder has
_MAX_LINK = 4096  # characters
_TAG = re.compile(r"<a\s[^<>]{1,8192}>", re.IGNORECASE)  # so that no parser has to find its way through the whole


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page was had from, and where the files are that it lists: beneath itself, on most servers.

    ``page``: its URL, which ends in a slash. ``files``: of the folder that holds the files, with a slash at its end.
    """

    page: str
    files: str


@dataclass(frozen=True, slots=True)
class IndexPage:
    """Names, decoded. ``next``: the URL of the page on which it goes on; "" when it does not."""

    folders: tuple[str, ...]
    files: tuple[str, ...]
    next: str = ""


def read(text: str, place: Place) -> IndexPage:
    """What a page lists. Raises BadUpstream when that is more than makes sense."""
    found: dict[str, None] = {}
    following = ""
    for match in _TAG.finditer(text):
        link, relations = _parsed(match[0])
        if not link or len(link) > _MAX_LINK:
            continue
        url = _absolute(place.page, link)
        name = _child(url, place)
        if name:
            found[name] = None
        elif "next" in relations:
            following = following or _next(url, place.page)
        if len(found) > MAX_NAMES:
            raise BadUpstream(f"it lists more than {MAX_NAMES} names")
    folders = tuple(name[:-1] for name in found if name.endswith("/"))
    files = tuple(name for name in found if not name.endswith("/") and f"{name}/" not in found)
    return IndexPage(folders, files, following)


def _parsed(tag: str) -> tuple[str, list[str]]:
    """The link of an anchor, as it was meant, and its relations."""
    parser = _Anchor()
    parser.feed(tag)
    return parser.attributes.get("href", "").strip(), parser.attributes.get("rel", "").lower().split()


class _Anchor(HTMLParser):
    """The attributes of the first tag, their character references resolved."""

    def __init__(self) -> None:
        super().__init__()
        self.attributes: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            self.attributes.setdefault(name, value or "")


def _child(url: str, place: Place) -> str:
    """The name of what lies right below, a folder's with a slash at its end; "" for any other URL."""
    name = _below(url, place.page)
    if not name and place.files != place.page:
        name = _below(url, place.files).rstrip("/")
    return name if name.strip("/") and "/" not in name[:-1] else ""


def _absolute(page: str, link: str) -> str:
    """The URL without its fragment; "" for what is none."""
    try:
        return urljoin(page, link).partition("#")[0]
    except ValueError:
        return ""


def _below(url: str, base: str) -> str:
    """The decoded path of ``url`` below ``base``; "" when it lies elsewhere, or says more than a path."""
    try:
        if "?" in url or Origin.of(url) != Origin.of(base):
            return ""
        path, root = targets.decode(urlsplit(url).path), targets.decode(urlsplit(base).path)
    except (BadUpstream, Invalid, ValueError):
        return ""
    return path.removeprefix(root) if path.startswith(root) else ""


def _next(url: str, page: str) -> str:
    """The URL if it is of a further page of the same folder; "" when it is of another."""
    path, mark, _ = url.partition("?")
    return url if mark and path == page and url.isascii() and url.isprintable() else ""

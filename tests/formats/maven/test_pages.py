"""The pages of folders: every name once, in order, as a link that leads to what it names, and as text only."""

from __future__ import annotations

from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from mxart.contract import Context, Repository
from mxart.errors import Invalid, NotFound
from mxart.formats.maven import pages, paths
from mxart.formats.maven.format import MavenFormat
from mxart.formats.maven.settings import MavenSettings
from mxart.model import Bytes, Digest, Entry, Request, Response
from mxart.repository.group import Group, GroupParts
from tests.formats.press import Press
from tests.store.builders import open_store

FORMAT = MavenFormat(MavenSettings())
BASE = "https://artifacts.example.org/a/maven/"


class Page(HTMLParser):
    """A page as a browser sees it at ``url``: its tags, its texts, and each link as text and path below `BASE`."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.links: list[tuple[str, str]] = []
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.title = ""
        self._href: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag == "a":
            self._href = dict(attrs)["href"]

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] == ["title"] and not self.title:
            self.title = data
        if data.strip():
            self.texts.append(data.strip())
        if self._href is not None:
            self.links.append((data, self._below(self._href)))
            self._href = None

    def _below(self, href: str) -> str:
        place = urljoin(self.url, href)
        assert place.startswith(BASE)
        return place.removeprefix(BASE)

    @property
    def names(self) -> list[str]:
        """Of what lies in the folder."""
        return [text for text, href in self.links if self._is_child(href)]

    @property
    def further(self) -> str:
        """The query of the next page, "" on the last."""
        found = [urlsplit(href).query for text, href in self.links if text == "Further on"]
        return found[0] if found else ""

    def _is_child(self, href: str) -> bool:
        folder = self.url.partition("?")[0].removeprefix(BASE)
        return href.startswith(folder) and href != folder and "?" not in href


def press(*urls: str, name: str = "hosted", size: int = 7, created: float = 1_700_000_000.0) -> Press:
    """A repository that holds what stands at these URL paths."""
    return holding((paths.parse(url).path for url in urls), name, size, created)


def holding(found: Iterable[str], name: str = "hosted", size: int = 7, created: float = 1_700_000_000.0) -> Press:
    digest = Digest("sha256", "ab" * 32)
    entries = {
        path: Entry(repository=name, path=path, digest=digest, size=size, created=created, checked=created)
        for path in found
    }
    return Press(FORMAT, name=name, entries=entries)


async def answer(repository: Repository, folder: str, query: str = "") -> Response:
    request = Request(method="GET", path=folder, query=query, base_url=BASE.rstrip("/"))
    return await pages.page(request, paths.parse(folder), repository, Context())


async def page(repository: Repository, folder: str, query: str = "") -> Page:
    response = await answer(repository, folder, query)
    assert response.status == 200
    assert isinstance(response.content, Bytes)
    assert response.content.media_type == "text/html; charset=utf-8"
    found = Page(f"{BASE}{paths.quoted(folder)}" + (f"?{query}" if query else ""))
    found.feed(response.content.data.decode())
    found.close()
    return found


async def every_name(repository: Repository, folder: str) -> tuple[list[str], int]:
    """The names on all pages, and how many pages they are on."""
    names: list[str] = []
    query, count = "", 0
    while count == 0 or query:
        shown = await page(repository, folder, query)
        assert len(shown.names) <= pages.PAGE
        names += shown.names
        query, count = shown.further, count + 1
        assert count < 10
    return names, count


# --- what lies in a folder ---------------------------------------------------------------------------------------

SOME = (
    "junit/junit/4.13/junit-4.13.jar",
    "org/acme/lib/1.0/lib-1.0.jar",
    "org/acme/lib/1.0/lib-1.0.pom",
    "org/acme/lib/1.0/lib-1.0.jar.asc",
    "org/acme/lib/1.10/lib-1.10.jar",
    "org/acme/lib/2-SNAPSHOT/lib-2-20261125.101112-3.jar",
    "org/acme/lib/core/1.0/core-1.0.jar",  # of the group that is called as the artifact
    "org/acme/lib_2.13/1.0/lib_2.13-1.0.jar",
    "org/acme/lib/maven-metadata.xml",
    "org/acme/lib/2-SNAPSHOT/maven-metadata.xml",
    "org/acme/maven-metadata.xml",
    "archetype-catalog.xml",
)


@pytest.mark.parametrize(
    ("folder", "names"),
    [
        ("", ["archetype-catalog.xml", "junit/", "org/"]),
        ("junit/", ["junit/"]),
        ("junit/junit/", ["4.13/"]),
        ("org/", ["acme/"]),
        ("org/acme/", ["lib/", "lib_2.13/", "maven-metadata.xml"]),
        ("org/acme/lib/", ["1.0/", "1.10/", "2-SNAPSHOT/", "core/", "maven-metadata.xml"]),
        ("org/acme/lib/1.0/", ["lib-1.0.jar", "lib-1.0.jar.asc", "lib-1.0.pom"]),
        ("org/acme/lib/2-SNAPSHOT/", ["lib-2-20261125.101112-3.jar", "maven-metadata.xml"]),
        ("org/acme/lib/core/", ["1.0/"]),
        ("org/acme/lib_2.13/1.0/", ["lib_2.13-1.0.jar"]),
    ],
)
@pytest.mark.gen_test
async def test_what_lies_in_a_folder(folder: str, names: list[str]) -> None:
    shown = await page(press(*SOME), folder)
    assert shown.names == names
    assert [href for text, href in shown.links if text in names] == [f"{folder}{name}" for name in names]
    assert shown.title == f"hosted/{folder}"


@pytest.mark.gen_test
async def test_every_file_is_found_from_the_root() -> None:
    repository, found, folders = press(*SOME), set(), [""]
    while folders:
        folder = folders.pop()
        for name in (await page(repository, folder)).names:
            (folders.append if name.endswith("/") else found.add)(f"{folder}{name}")
    assert found == set(SOME)


@pytest.mark.gen_test
async def test_notes_and_the_folders_of_packages_are_not_shown() -> None:
    marks = ["org/acme/@plugins/x/x-1.jar", "org/acme/lib/@/1.0/@announced/", "org/acme/lib/@plugins/y/y-1.jar"]
    repository = holding([*marks, *press(*SOME).entries])
    for folder in ("org/acme/", "org/acme/lib/", "org/acme/lib/1.0/"):
        assert (await page(repository, folder)).names == (await page(press(*SOME), folder)).names


@pytest.mark.parametrize("folder", ["nothing/", "org/acme/lib/3.0/", "or/", "org/acme/lib/1.0/lib-1.0.jar/", "ORG/"])
@pytest.mark.gen_test
async def test_where_nothing_lies(folder: str) -> None:
    with pytest.raises(NotFound, match=f"nothing lies in {folder} of hosted"):
        await page(press(*SOME), folder)
    assert not await pages.is_folder(folder.rstrip("/"), press(*SOME), Context())


@pytest.mark.gen_test
async def test_a_folder_of_nothing_but_notes_is_none() -> None:
    repository = holding(["org/acme/@plugins/x/x-1.jar"])
    assert not await pages.is_folder("org/acme", repository, Context())
    with pytest.raises(NotFound):
        await page(repository, "org/acme/")


@pytest.mark.parametrize(
    "folder", ["junit", "org", "org/acme", "org/acme/lib", "org/acme/lib/1.0", "org/acme/lib/core"]
)
@pytest.mark.gen_test
async def test_what_is_a_folder(folder: str) -> None:
    assert await pages.is_folder(folder, press(*SOME), Context())


@pytest.mark.gen_test
async def test_an_empty_root_says_so() -> None:
    shown = await page(press(), "")
    assert (shown.names, shown.further) == ([], "")
    assert "Nothing is held here yet." in shown.texts
    with pytest.raises(NotFound):
        await page(press(), "", "after=a")


@pytest.mark.gen_test
async def test_what_is_told_of_files_and_folders() -> None:
    shown = await page(press("a/b/1/b-1.jar", size=2048), "a/b/1/")
    assert "2023-11-14 22:13" in shown.texts
    assert "2 KiB" in shown.texts
    assert "2023-11-14 22:13" not in (await page(press("a/b/1/b-1.jar"), "a/b/")).texts


@pytest.mark.gen_test
async def test_no_page_may_load_or_run_anything() -> None:
    response = await answer(press(*SOME), "org/")
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    assert "script" not in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "no-cache"


# --- links -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("folder", "above"),
    [
        ("", [("hosted", "")]),
        ("org/", [("hosted", ""), ("../", "")]),
        ("org/acme/", [("hosted", ""), ("org", "org/"), ("../", "org/")]),
        (
            "org/acme/lib/1.0/",
            [
                *[("hosted", ""), ("org", "org/"), ("acme", "org/acme/"), ("lib", "org/acme/lib/")],
                ("../", "org/acme/lib/"),
            ],
        ),
    ],
)
@pytest.mark.gen_test
async def test_the_way_up(folder: str, above: list[tuple[str, str]]) -> None:
    shown = await page(press(*SOME), folder)
    assert [(text, href) for text, href in shown.links if text not in shown.names] == above


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onclick='alert(1)",
    "javascript:alert(1)",
    "https:",
    "http:x",
    "a:b",
    "a?b=c#d",
    "a#b",
    "%2e%2e",
    "%",
    "&amp;&lt;",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "1.0+b~1(x)[y]",
    "a b",
    "ä日本",
    "a;b=c",
    "~",
    "-",
    "?after=x",
    "*$!,",
]


@pytest.mark.parametrize("name", [name for name in HOSTILE if "/" not in name])
@pytest.mark.gen_test
async def test_odd_names_are_text_and_lead_where_they_should(name: str) -> None:
    urls = [f"{name}/{name}/{name}/{name}-{name}.jar", f"org/{name}/1/{name}-1.jar"]
    for folder in (f"{name}/", f"{name}/{name}/", f"{name}/{name}/{name}/", f"org/{name}/", "org/", ""):
        shown = await page(press(*urls), folder)
        assert shown.title == f"hosted/{folder}"
        assert set(shown.tags) <= {
            *("html", "head", "meta", "title", "style", "body", "h1", "a", "span", "table", "thead", "tbody", "tr"),
            *("th", "td"),
        }
        for text in shown.names:
            (href,) = {href for other, href in shown.links if other == text and href.startswith(paths.quoted(folder))}
            assert unquote(href) == f"{folder}{text}"
            assert paths.parse(unquote(href)).url_path == f"{folder}{text}"


@pytest.mark.gen_test
async def test_markup_in_names_is_no_markup() -> None:
    names = [name.replace("/", "") for name in HOSTILE]
    response = await answer(press(*(f"org/{name}/1/{name}-1.jar" for name in names)), "org/")
    assert isinstance(response.content, Bytes)
    html = response.content.data.decode()
    assert "<script" not in html
    assert "<img" not in html
    assert "49" not in html
    assert (await page(press(*(f"org/{name}/1/{name}-1.jar" for name in names)), "org/")).names == [
        f"{name}/" for name in sorted(names, key=lambda name: f"{name}/".encode())
    ]


# --- pages -------------------------------------------------------------------------------------------------------


@pytest.mark.gen_test
async def test_many_names_are_on_several_pages_whatever_place_they_have() -> None:
    groups = [f"org/acme/lib/g{number}/x/1/x-1.jar" for number in range(900)]
    versions = [f"org/acme/lib/{number}.0/lib-{number}.0.jar" for number in range(800)]
    files = [f"org/acme/@/lib/{letter}{number}.txt" for letter in "hz" for number in range(400)]
    notes = [f"org/acme/lib/@plugins/p{number}/p-1.jar" for number in range(50)]
    repository = holding([*press(*groups, *versions).entries, *files, *notes])
    expected = {
        *(f"g{number}/" for number in range(900)),
        *(f"{number}.0/" for number in range(800)),
        *(f"{letter}{number}.txt" for letter in "hz" for number in range(400)),
    }
    names, count = await every_name(repository, "org/acme/lib/")
    assert len(expected) == 2500
    assert names == sorted(expected, key=str.encode)
    assert count == 3


@pytest.mark.parametrize(("size", "count"), [(999, 1), (1000, 1), (1001, 2), (2000, 2), (2001, 3)])
@pytest.mark.parametrize("folder", ["org/", "org/acme/", "org/acme/lib/"])
@pytest.mark.gen_test
async def test_a_page_is_full_before_there_is_another(folder: str, size: int, count: int) -> None:
    made = {
        "org/": [f"org/n{number:04}/x/1/x-1.jar" for number in range(size)],
        "org/acme/": [f"org/acme/n{number:04}/1/n{number:04}-1.jar" for number in range(size)],
        "org/acme/lib/": [f"org/acme/lib/n{number:04}/lib-n{number:04}.jar" for number in range(size)],
    }
    assert await every_name(press(*made[folder]), folder) == ([f"n{number:04}/" for number in range(size)], count)


@pytest.mark.parametrize("size", range(997, 1003))
@pytest.mark.gen_test
async def test_what_is_no_line_takes_no_place_on_a_page(size: int) -> None:
    """The folders of packages, and notes, whose names come between digits and letters."""
    artifacts = [f"{'Nn'[number % 2]}{number:04}" for number in range(size)]
    own = ["org/acme/lib/@/1.0/lib-1.0.jar", "org/acme/lib/@plugins/x/x-1.jar"]
    repository = holding([*(f"org/acme/lib/{each}/@/1/{each}-1.jar" for each in artifacts), *own])
    assert (await every_name(repository, "org/acme/lib/"))[0] == ["1.0/", *(f"{each}/" for each in sorted(artifacts))]
    files = sorted(f"lib-1.0-{each}.jar" for each in artifacts)
    own = ["org/acme/lib/@/1.0/@announced/", "org/acme/lib/@/1.0/@contested/lib-1.0.jar"]
    repository = holding([*(f"org/acme/lib/@/1.0/{each}" for each in files), *own])
    assert (await every_name(repository, "org/acme/lib/1.0/"))[0] == files


@pytest.mark.gen_test
async def test_pages_are_linked() -> None:
    repository = press(*(f"org/a&b=c {number:04}/x/1/x-1.jar" for number in range(1500)))
    first = await page(repository, "org/")
    assert "From the start" not in [text for text, _ in first.links]
    second = await page(repository, "org/", first.further)
    assert second.names[0] == "a&b=c 1000/"
    assert ("From the start", "org/") in second.links
    assert "../" not in [text for text, _ in second.links]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["1.0/", "1.10/", "2-SNAPSHOT/", "core/", "maven-metadata.xml"]),
        ("after=", ["1.0/", "1.10/", "2-SNAPSHOT/", "core/", "maven-metadata.xml"]),
        ("other=1", ["1.0/", "1.10/", "2-SNAPSHOT/", "core/", "maven-metadata.xml"]),
        ("after=1.0/", ["1.10/", "2-SNAPSHOT/", "core/", "maven-metadata.xml"]),
        ("after=1.0%2F", ["1.10/", "2-SNAPSHOT/", "core/", "maven-metadata.xml"]),
        ("after=1.05", ["1.10/", "2-SNAPSHOT/", "core/", "maven-metadata.xml"]),
        ("after=1&after=core/", ["maven-metadata.xml"]),
        ("after=../../", ["1.0/", "1.10/", "2-SNAPSHOT/", "core/", "maven-metadata.xml"]),
        ("after=<script>", ["core/", "maven-metadata.xml"]),
        ("after=@/", ["core/", "maven-metadata.xml"]),
    ],
)
@pytest.mark.gen_test
async def test_a_page_from_a_name_on(query: str, names: list[str]) -> None:
    shown = await page(press(*SOME), "org/acme/lib/", query)
    assert shown.names == names
    assert "script" not in shown.tags


@pytest.mark.parametrize(
    "query",
    [
        "after=%00",
        "after=a%0Ab",
        "after=%0D%0ASet-Cookie:x",
        "after=%1b[31m",
        "after=" + "a" * 257,
        "after=" + "a" * 100_000,
        "&".join(["after=a"] * 9),
        "after=\udcff",
    ],
    ids=lambda query: repr(query[:24]),
)
@pytest.mark.gen_test
async def test_hostile_queries(query: str) -> None:
    with pytest.raises(Invalid) as raised:
        await page(press(*SOME), "org/", query)
    assert len(raised.value.message) < 300
    assert raised.value.message.isprintable()


@pytest.mark.parametrize("query", ["after=zzz", "after=%ff", "after=ä", "after=org/acme/"])
@pytest.mark.gen_test
async def test_after_the_last_name_there_is_nothing(query: str) -> None:
    with pytest.raises(NotFound):
        await page(press(*SOME), "org/acme/lib/1.0/", query.replace("org/", "zzz/"))


# --- groups ------------------------------------------------------------------------------------------------------


@pytest.mark.gen_test
async def test_the_page_of_a_group_shows_what_its_members_have(tmp_path: Path) -> None:
    hosted = press("org/acme/lib/1.0/lib-1.0.jar", "com/house/own/1/own-1.jar", name="hosted", size=1024)
    proxy = press("org/acme/lib/1.0/lib-1.0.jar", "org/acme/lib/1.1/lib-1.1.jar", name="proxy", size=4096)
    store = open_store(tmp_path / "data")
    try:
        all_ = Group(GroupParts(name="all", format=FORMAT, members=[hosted, proxy], publish_to=hosted, store=store))
        assert (await page(all_, "")).names == ["com/", "org/"]
        assert (await page(all_, "org/acme/lib/")).names == ["1.0/", "1.1/"]
        shown = await page(all_, "org/acme/lib/1.0/")
        assert shown.names == ["lib-1.0.jar"]
        assert "1 KiB" in shown.texts
        assert shown.title == "all/org/acme/lib/1.0/"
        assert proxy.asked_upstream == []
        many = [press(*(f"org/x{n}/y/1/y-1.jar" for n in range(k, 2500, 2)), name=f"m{k}") for k in (0, 1)]
        both = Group(GroupParts(name="all", format=FORMAT, members=many, publish_to=None, store=store))
        names, count = await every_name(both, "org/")
        assert (names, count) == (sorted(f"x{n}/" for n in range(2500)), 3)
    finally:
        await store.index.close()

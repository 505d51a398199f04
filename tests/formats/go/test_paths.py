"""URL paths: every valid one means one thing, every other one is refused as invalid or unknown, and nothing else."""

from __future__ import annotations

import pytest

from mxart.errors import Invalid, NotFound
from mxart.formats.go import paths
from mxart.formats.go.sumdb import Tile
from tests.formats.go.test_names import INVALID_PATHS

DATABASES = ("sums.example.org", "sums.example.org/deep")
PSEUDO = "v0.0.0-20240102030405-0123456789ab"


@pytest.mark.parametrize(
    ("path", "kind", "module", "version"),
    [
        ("example.com/m/@v/list", "list", "example.com/m", ""),
        ("example.com/!my!mod/@v/list", "list", "example.com/MyMod", ""),
        ("example.com/m/@latest", "latest", "example.com/m", ""),
        ("example.com/m/@v/v1.0.0.info", "info", "example.com/m", "v1.0.0"),
        ("example.com/m/@v/v1.0.0.mod", "mod", "example.com/m", "v1.0.0"),
        ("example.com/m/@v/v1.0.0.zip", "zip", "example.com/m", "v1.0.0"),
        ("example.com/m/@v/v1.0.0-!r!c1.zip", "zip", "example.com/m", "v1.0.0-RC1"),
        ("example.com/m/v2/@v/v2.0.0.zip", "zip", "example.com/m/v2", "v2.0.0"),
        ("example.com/m/@v/v2.0.0+incompatible.mod", "mod", "example.com/m", "v2.0.0+incompatible"),
        (f"example.com/m/@v/{PSEUDO}.zip", "zip", "example.com/m", PSEUDO),
        ("example.com/m/@v/v2.0.0.info", "info", "example.com/m", "v2.0.0"),
        ("example.com/m/@v/main.info", "info", "example.com/m", "main"),
        ("example.com/m/@v/latest.info", "info", "example.com/m", "latest"),
        ("example.com/m/@v/list.info", "info", "example.com/m", "list"),
        ("example.com/m/@v/!main.info", "info", "example.com/m", "Main"),
        ("example.com/m/@v/v1.0.0.mod.info", "info", "example.com/m", "v1.0.0.mod"),
        ("example.com/m/@v/feature#1 @x.info", "info", "example.com/m", "feature#1 @x"),
        ("gopkg.in/yaml.v3/@v/v3.0.1.zip", "zip", "gopkg.in/yaml.v3", "v3.0.1"),
        (
            "example.org/toolchain/@v/v0.0.1-go1.22.0.linux-amd64.zip",
            "zip",
            "example.org/toolchain",
            "v0.0.1-go1.22.0.linux-amd64",
        ),
    ],
)
def test_module_paths(path: str, kind: str, module: str, version: str) -> None:
    resource = paths.parse(path, DATABASES)
    assert (resource.kind, resource.module, resource.version) == (kind, module, version)
    assert (resource.path, resource.package, resource.upstream) == (path, module, "")
    assert paths.parse(resource.path, DATABASES) == resource


@pytest.mark.parametrize(
    ("path", "kind", "database", "package"),
    [
        ("sumdb/sums.example.org/supported", "sumdb-supported", "sums.example.org", ""),
        ("sumdb/sums.example.org/latest", "sumdb-latest", "sums.example.org", ""),
        ("sumdb/sums.example.org/deep/latest", "sumdb-latest", "sums.example.org/deep", ""),
        ("sumdb/sums.example.org/tile/8/0/x001/234.p/5", "sumdb-tile", "sums.example.org", ""),
        ("sumdb/sums.example.org/tile/8/data/007", "sumdb-tile", "sums.example.org", ""),
        ("sumdb/sums.example.org/lookup/example.com/!m@v1.0.0", "sumdb-lookup", "sums.example.org", "example.com/M"),
    ],
)
def test_database_paths(path: str, kind: str, database: str, package: str) -> None:
    resource = paths.parse(path, DATABASES)
    assert (resource.path, resource.kind, resource.database, resource.package) == (path, kind, database, package)
    assert resource.upstream == ("" if kind == "sumdb-supported" else f"sumdb/{database}")
    assert paths.parse(resource.path, DATABASES) == resource


HOSTILE = [
    *(f"{path}/@v/list" for path in INVALID_PATHS if "!" not in path),
    *(f"{path}/@latest" for path in ("", "..", "example.com/..", "example.com/M", "localhost", "example.com/@latest")),
    *(
        f"example.com/m/@v/{file}"
        for file in (
            *("", ".", "..", "/", "list/", "LIST", "List", "lists", "v1.0.0", "v1.0.0.", ".info", "..info", "...zip"),
            *("v1.0.0.INFO", "v1.0.0.zip/", "v1.0.0.zip/x", "v1.0.0.ziphash", "v1.0.0.lock", "v1.0.0.zip.tmp"),
            *("../x.info", "a/b.info", "a\\b.info", "a\x00.info", "a\n.info", "a!.info", "a!!b.info", "V1.0.0.info"),
            *("v1.0.0.zip?x=y", "v1.0.0.zip#x", "%2e%2e.info/..", "con.info", "é.info", "a:b.info", "a*.info"),
            *(
                "main.mod",
                "main.zip",
                "v1.zip",
                "v1.0.zip",
                "v1.0.0+meta.zip",
                "v2.0.0.zip",
                "v01.0.0.zip",
                "1.0.0.mod",
            ),
            *(f"{'a' * 300}.info", f"v1.0.0-{'x' * 300}.zip", "v1.0.0-!.zip", " .zip", "v1.0.0 .zip", "v1.0.0..zip"),
        )
    ),
    "example.com/m@v1.0.0",
    "example.com/m/@v",
    "example.com/m/@v/v1.0.0.info/@v/list",
    "example.com/m/@latest/",
    "example.com/m/@Latest",
    "@v/list",
    "@latest",
    "sumdb",
    "sumdb/",
    "sumdb//supported",
    "sumdb/supported",
    "sumdb/other.example.org/supported",
    "sumdb/sums.example.org",
    "sumdb/sums.example.org/",
    "sumdb/sums.example.org/../other/latest",
    "sumdb/sums.example.org.evil.example.org/latest",
    "sumdb/sums.example.org:443/latest",
    "sumdb/SUMS.example.org/latest",
    "sumdb/127.0.0.1:1/latest",
    "sumdb/http://127.0.0.1/latest",
    *(
        f"sumdb/sums.example.org/{asked}"
        for asked in (
            *(
                "/",
                "Latest",
                "latest/",
                "supported/x",
                "key",
                "../latest",
                "lookup",
                "lookup/",
                "lookup/@",
                "lookup/@v1.0.0",
            ),
            *(
                "lookup/example.com/m",
                "lookup/example.com/m@",
                "lookup/example.com/m@main",
                "lookup/example.com/m@v2.0.0",
            ),
            *(
                "lookup/example.com/M@v1.0.0",
                "lookup/../x@v1.0.0",
                "lookup/example.com/m@v1.0.0/go.mod",
                "lookup/m@v1.0.0",
            ),
            *(
                "lookup/example.com/m@v1.0.0@v1.0.0",
                "lookup/example.com/m@v1.0.0\n",
                "tile",
                "tile/",
                "tile/8",
                "tile/8/0",
            ),
            *(
                "tile/8/0/",
                "tile/8/0/1",
                "tile/8/0/0000",
                "tile/8/0/-01",
                "tile/8/0/../0",
                "tile/0/0/000",
                "tile/31/0/000",
            ),
            *("tile/08/0/000", "tile/8/00/000", "tile/8/64/000", "tile/8/-1/000", "tile/8/0/000.p", "tile/8/0/000.p/"),
            *("tile/8/0/000.p/0", "tile/8/0/000.p/256", "tile/8/0/000.p/01", "tile/8/0/000.p/-1", "tile/8/0/000.p/1/"),
            *(
                "tile/8/0/x000/001",
                "tile/8/0/001/001",
                "tile/8/0/x001",
                "tile/8/0/x1/001",
                "tile/8/DATA/000",
                "tile/a/0/000",
            ),
            *("tile/8/0/" + "x999/" * 60 + "999", "tile/8/0/٠٠٠", "tile/8/0/000\n", "tile/8/0/000.p/" + "9" * 5000),
        )
    ),
]


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: repr(path[:60]))
def test_hostile_paths(path: str) -> None:
    with pytest.raises((Invalid, NotFound)) as caught:
        paths.parse(path, DATABASES)
    assert len(caught.value.message) < 1200


def test_there_are_enough_hostile_paths() -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) >= 100


@pytest.mark.parametrize("asked", ["supported", "latest", "lookup/example.com/m@v1.0.0", "tile/8/0/000"])
@pytest.mark.parametrize("databases", [(), ("sums.example.net",)])
def test_a_database_that_is_not_configured_is_absent_and_the_key_is_named(asked: str, databases: tuple[str]) -> None:
    with pytest.raises(NotFound, match=r"'sums\.example\.org/x'.*sumdb = \{"):
        paths.parse(f"sumdb/sums.example.org/x/{asked}", databases)


@pytest.mark.parametrize(
    ("resource", "path"),
    [
        (paths.version_list("example.com/Hello"), "example.com/%21hello/@v/list"),
        (paths.latest("example.com/m"), "example.com/m/@latest"),
        (paths.version_file("example.com/m", "v2.0.0+incompatible", "zip"), "example.com/m/@v/v2.0.0+incompatible.zip"),
        (paths.version_file("example.com/m", "a b#%,", "info"), "example.com/m/@v/a%20b%23%25%2C.info"),
        (paths.tree_head("sums.example.org"), "latest"),
        (paths.supported("sums.example.org/deep"), "supported"),
        (paths.lookup("sums.example.org", "example.com/M", "v1.0.0"), "lookup/example.com/%21m@v1.0.0"),
        (paths.tile("sums.example.org", Tile(height=8, level=0, index=7, width=3)), "tile/8/0/007.p/3"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.kind,
)
def test_upstream_paths(resource: paths.GoResource, path: str) -> None:
    assert paths.upstream_path(resource) == path


def test_constructors_refuse_what_cannot_be_asked_for() -> None:
    with pytest.raises(Invalid):
        paths.version_list("..")
    with pytest.raises(Invalid):
        paths.latest("example.com/m/v1")
    with pytest.raises(Invalid):
        paths.version_file("example.com/m", "a/b", "info")
    with pytest.raises(Invalid):
        paths.lookup("sums.example.org", "example.com/m", "main")


def test_a_path_of_a_thousand_elements_lies_below_few() -> None:
    folders = paths.above(paths.version_list("a.b" + "/c" * 1000))
    assert folders[-1] == "a.b/@v/"
    assert folders[0] == "a.b" + "/c" * 31 + "/@v/"
    assert len(folders) == 32

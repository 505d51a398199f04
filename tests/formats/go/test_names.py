"""Module paths and versions; the rows agree with the verdicts of the go command's own packages."""

from __future__ import annotations

import pytest

from mxart.errors import Invalid, NotFound
from mxart.formats.go import names

VALID_PATHS = [
    "example.com",
    "example.com/m",
    "example.com/Hello/World",
    "example.com/a-b_c~d.e",
    "example.com/m/v2",
    "example.com/m/v10",
    "example.com/v",
    "example.com/vv1",
    "example.com/x.v1",
    "example.com/m/v2/sub",
    "example.com/m/v1/sub",
    "example.com/~user/m",
    "example.com/m~x1",
    "example.com/console",
    "example.com/com10",
    "example.com/_m",
    "example.com/-m",
    "gopkg.in/yaml.v0",
    "gopkg.in/yaml.v1",
    "gopkg.in/yaml.v2",
    "gopkg.in/user/pkg.v3",
    "gopkg.in/yaml.v2-unstable",
    "1.example.com",
    "a.b",
    "x.y/z/v2.0x",
]
INVALID_PATHS = [
    "",
    "example",
    "example/m.com",
    "Example.com/m",
    "example_.com/m",
    "ex~ample.com/m",
    "-example.com/m",
    ".example.com/m",
    "example.com./m",
    "/example.com/m",
    "example.com/m/",
    "example.com//m",
    "example.com/.",
    "example.com/..",
    "example.com/../m",
    "example.com/...",
    "example.com/.m",
    "example.com/m.",
    "example.com/a b",
    "example.com/a+b",
    "example.com/a@b",
    "example.com/a%2fb",
    "example.com/a\\b",
    "example.com/a:b",
    "example.com/a!b",
    "example.com/m\n",
    "example.com/m\x00",
    "example.com/ümlaut",
    "example.com/\N{KELVIN SIGN}",
    "example.com/con",
    "example.com/CON.txt",
    "example.com/nul.tar.gz",
    "example.com/LpT1",
    "con.example.com",
    "example.com/progra~1",
    "example.com/progra~12.d",
    "example.com/m/v0",
    "example.com/m/v1",
    "example.com/m/v02",
    "example.com/m/v2.1",
    "example.com/m/v.5",
    "gopkg.in/yaml",
    "gopkg.in/yaml.v",
    "gopkg.in/yaml.v02",
    "gopkg.in/yaml.v0-unstable",
    "gopkg.in/yaml.v2/sub",
    f"example.com/{'a' * 241}",
    f"example.com/{'A' * 121}",
    "example.com" + "/abcdefgh" * 230,
]


@pytest.mark.parametrize("path", VALID_PATHS)
def test_valid_module_paths(path: str) -> None:
    names.check_module_path(path)
    assert names.unescape_module_path(names.escape(path)) == path


@pytest.mark.parametrize("path", INVALID_PATHS, ids=lambda path: repr(path[:40]))
def test_invalid_module_paths(path: str) -> None:
    with pytest.raises(Invalid):
        names.check_module_path(path)


@pytest.mark.parametrize(
    ("path", "major"),
    [
        ("example.com/m", ""),
        ("example.com/m/v2", "v2"),
        ("example.com/m/v12", "v12"),
        ("example.com/mv2", ""),
        ("gopkg.in/m.v0", "v0"),
        ("gopkg.in/m.v1", "v1"),
        ("gopkg.in/u/m.v3-unstable", "v3"),
    ],
)
def test_major_suffix(path: str, major: str) -> None:
    assert names.major_suffix(path) == major


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        ("", ""),
        ("abc", "abc"),
        ("!a!b!c", "ABC"),
        ("github!x.com/!foo", "githubX.com/Foo"),
        ("v1.0.0-!r!c1", "v1.0.0-RC1"),
    ],
)
def test_escaping(escaped: str, text: str) -> None:
    assert names.unescape(escaped) == text
    assert names.escape(text) == escaped


@pytest.mark.parametrize("text", ["A", "aB", "!", "a!", "!!a", "!A", "!1", "!/", "! a", "é", "!é", "\udc80", "!\n"])
def test_what_escaping_never_gives(text: str) -> None:
    with pytest.raises(Invalid):
        names.unescape(text)


@pytest.mark.parametrize("text", ["v1.0.0", "main", "v1", "0123456789ab", "release-1.0", "a b", "x@y", "v1.0.0-!r!c"])
def test_versions_and_queries(text: str) -> None:
    assert names.escape(names.unescape_version(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "a.", "a/b", "a%b'", "a\\b", "a:b", "a*b", "a?b", "a\nb", "a\x00", "con", "Main", "!", "a" * 241],
    ids=lambda text: repr(text[:20]),
)
def test_what_is_no_version(text: str) -> None:
    with pytest.raises(Invalid):
        names.unescape_version(text)


@pytest.mark.parametrize("version", ["a!b", "ü", "a/b"])
def test_versions_that_cannot_be_escaped(version: str) -> None:
    with pytest.raises(Invalid):
        names.check_version(version)


PSEUDO = "20240102030405-0123456789ab"


@pytest.mark.parametrize(
    ("version", "semver", "canonical", "prerelease", "time"),
    [
        ("v1.2.3", True, True, False, ""),
        ("v0.0.0", True, True, False, ""),
        ("v1.2.3-rc.1", True, True, True, ""),
        ("v1.2.3-0", True, True, True, ""),
        ("v1.2.3--", True, True, True, ""),
        ("v2.0.0+incompatible", True, True, False, ""),
        ("v2.0.0-pre+incompatible", True, True, True, ""),
        ("v1.2.3+meta", True, False, False, ""),
        ("v1.2", True, False, False, ""),
        ("v1", True, False, False, ""),
        ("v1.2-rc.1", False, False, False, ""),
        ("1.2.3", False, False, False, ""),
        ("V1.2.3", False, False, False, ""),
        ("v01.2.3", False, False, False, ""),
        ("v1.2.03", False, False, False, ""),
        ("v1.2.3-01", False, False, False, ""),
        ("v1.2.3-", False, False, False, ""),
        ("v1.2.3-a..b", False, False, False, ""),
        ("v1.2.3-ä", False, False, False, ""),
        ("v1.2.3+", False, False, False, ""),
        ("v1.2.3.4", False, False, False, ""),
        ("v1.2.3\n", False, False, False, ""),
        ("v\N{ARABIC-INDIC DIGIT ONE}.0.0", False, False, False, ""),
        ("", False, False, False, ""),
        ("main", False, False, False, ""),
        (f"v0.0.0-{PSEUDO}", True, True, True, "20240102030405"),
        (f"v2.0.0-{PSEUDO}+incompatible", True, True, True, "20240102030405"),
        (f"v1.2.4-0.{PSEUDO}", True, True, True, "20240102030405"),
        (f"v1.2.3-rc.1.0.{PSEUDO}", True, True, True, "20240102030405"),
        (f"v1.2.3-{PSEUDO}", True, True, True, ""),  # none of the three forms: there is a base, and no ".0."
        ("v0.0.0-2024010203040-0123456789ab", True, True, True, ""),
        ("v0.0.1-go1.22.0.linux-amd64", True, True, True, ""),
    ],
)
def test_version_grammar(version: str, semver: bool, canonical: bool, prerelease: bool, time: str) -> None:
    found = (names.is_semver(version), names.is_canonical(version), names.is_prerelease(version))
    assert found == (semver, canonical, prerelease)
    assert names.pseudo_version_time(version) == time


@pytest.mark.parametrize(
    ("module", "version", "error"),
    [
        ("example.com/m", "v0.1.0", None),
        ("example.com/m", "v1.0.0", None),
        ("example.com/m", "v2.0.0+incompatible", None),
        ("example.com/m", "v2.0.0", NotFound),
        ("example.com/m", "v1.0.0+meta", Invalid),
        ("example.com/m", "v1", Invalid),
        ("example.com/m", "main", Invalid),
        ("example.com/m/v2", "v2.3.4", None),
        ("example.com/m/v2", "v1.0.0", NotFound),
        ("example.com/m/v2", "v20.0.0", NotFound),
        ("gopkg.in/m.v1", "v1.0.0", None),
        ("gopkg.in/m.v1", f"v0.0.0-{PSEUDO}", None),
        ("gopkg.in/m.v1", "v0.1.0", NotFound),
        ("gopkg.in/m.v2", f"v0.0.0-{PSEUDO}", NotFound),
        ("gopkg.in/m.v2-unstable", "v2.0.0", None),
    ],
)
def test_versions_of_a_module(module: str, version: str, error: type[Exception] | None) -> None:
    assert names.is_version_of(module, version) is (error is None)
    if error is None:
        names.check_version_of(module, version)
    else:
        with pytest.raises(error):
            names.check_version_of(module, version)


def test_versions_are_ordered() -> None:
    ordered = [
        "",
        "main",
        "v0.0.0",
        "v1.0.0-0",
        "v1.0.0-1",
        "v1.0.0-9",
        "v1.0.0-10",
        "v1.0.0--",
        "v1.0.0-alpha",
        "v1.0.0-alpha.1",
        "v1.0.0-alpha.beta",
        "v1.0.0-beta",
        "v1.0.0-beta.2",
        "v1.0.0-beta.11",
        "v1.0.0-rc.1",
        "v1.0.0",
        "v1.0.0+meta",
        "v1.2.0",
        "v1.10.0",
        "v2.0.0+incompatible",
        "v10.0.0",
        f"v{'9' * 5000}.0.0",
    ]
    assert sorted(ordered[::2] + ordered[1::2], key=names.version_order) == ordered


@pytest.mark.parametrize(
    "path", ["a.go", "dir/a b.go", "Ünïcode/文.go", ".hidden", "a!#$%&()+,-.=@[]^_{}~", "-x", "x~1"]
)
def test_valid_file_paths(path: str) -> None:
    names.check_file_path(path)


@pytest.mark.parametrize(
    "path",
    [
        *(
            "",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "a/../b",
            "./a",
            "a.",
            "a./b",
            "a\\b",
            "a:b",
            "a*",
            "a?",
            'a"',
            "a<",
            "a|b",
        ),
        *("a'b", "a;b", "a`b", "a\x00", "a\n", "a\x7f", "NUL", "aux.go", "d/Com1.go", "½", "a\u0301", "🙂"),
    ],
    ids=repr,
)
def test_invalid_file_paths(path: str) -> None:
    with pytest.raises(Invalid):
        names.check_file_path(path)

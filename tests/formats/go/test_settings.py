"""The keys of Go repositories in a configuration."""

from __future__ import annotations

import pytest

from mxart.errors import Invalid
from mxart.formats.go.settings import GoSettings


def test_none_by_default() -> None:
    assert dict(GoSettings().sumdb) == {}


@pytest.mark.parametrize("name", ["sums.example.org", "sums.example.org/deep/er", "localhost:8080", "127.0.0.1"])
@pytest.mark.parametrize(
    "url",
    ["https://sums.example.org", "http://127.0.0.1:8080/sumdb/", "https://[::1]:8443", "https://sums.example.org/a/b"],
)
def test_names_and_urls(name: str, url: str) -> None:
    assert GoSettings(sumdb={name: url}).sumdb[name] == url


@pytest.mark.parametrize(
    "name", ["", "/", "a/", "/a", "a//b", "..", "a/..", "a b", "a+b", "https://a", "a/../b", "a\n", "-a"]
)
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(Invalid, match="not the name of a checksum database"):
        GoSettings(sumdb={name: "https://sums.example.org"})


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sums.example.org",
        "//sums.example.org",
        "https://",
        "https:///path",
        "ftp://sums.example.org",
        "file:///etc",
        "https://user:secret@sums.example.org",
        "https://sums.example.org?x=y",
        "https://sums.example.org#x",
        "https://sums.example.org/a b",
        "https://sums.example.org\n",
        "https://sums.example.org:port",
        "https://sums.example.org:99999",
        "https://[::1",
    ],
)
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(Invalid, match=r"sums\.example\.org"):
        GoSettings(sumdb={"sums.example.org": url})


@pytest.mark.parametrize(
    "rules",
    [
        "",
        "*:off",
        "public:git,private:all",
        "corp.example.com/*:git|hg,*.example.org/x:all,*:off",
        "example.com/v~2:svn",
    ],
)
def test_rules_for_version_control(rules: str) -> None:
    assert GoSettings(govcs=rules).govcs == rules


@pytest.mark.parametrize(
    "rules",
    [
        ",",
        "git",
        ":git",
        "*:",
        "*:cvs",
        "*:git|",
        "*:git|off",
        "*:off,",
        "*:off, x:git",
        "*:off,*:git",
        "./x:git",
        "../x:git",
        "-x:git",
        "a b:git",
        "*:git\n",
        "*:git;x",
    ],
)
def test_what_are_no_rules_for_version_control(rules: str) -> None:
    with pytest.raises(Invalid, match="govcs"):
        GoSettings(govcs=rules)

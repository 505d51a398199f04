from __future__ import annotations

import time

import pytest

from mxart.cli.copies.indexpages import MAX_NAMES, IndexPage, Place, read
from mxart.errors import BadUpstream

PAGE = "http://repo.example.org/maven/org/acme/"
PLACE = Place(PAGE, PAGE)

# what servers write, as far as it matters here
APACHE = """
<table><tr><th><a href="?C=N;O=D">Name</a></th><th><a href="?C=M;O=A">Last modified</a></th></tr>
<tr><td><img src="/icons/back.gif"></td><td><a href="/maven/org/">Parent Directory</a></td></tr>
<tr><td><a href="lib/">lib/</a></td></tr>
<tr><td><a href="lib%2bx/">lib+x/</a></td></tr>
<tr><td><a href="lib-1.0.jar">lib-1.0.jar</a></td><td>2024-01-01 10:00</td></tr>
</table><address>Apache Server at <a href="mailto:admin@example.org">repo</a></address>
"""
NGINX = '<h1>Index of /maven/org/acme/</h1><hr><pre><a href="../">../</a>\n<a href="lib/">lib/</a>  01-Jan-2024  -\n'
ABSOLUTE = (
    "<A HREF='http://repo.example.org/maven/org/acme/lib/'>lib/</A>"
    "<a class=x href=http://repo.example.org:80/maven/org/acme/lib-1.0.jar>lib-1.0.jar</a>"
    '<a href="/maven/org/acme/a.jar">a.jar</a>'
)
REPOSILITE = (
    '<base href="/maven/org/acme/"><a href="/maven/org">Parent</a><a href="./lib/">lib/</a><a href="./a.jar">a.jar</a>'
)
OWN = (
    '<a href="../">../</a><a href="./a:b.jar">a:b.jar</a><a href="./lib/">lib/</a>'
    '<a href="?after=lib%2F" rel="next">Further on</a>'
)
AMPERSAND = '<a href="a&amp;b.jar">a&amp;b.jar</a><a title="x" href="&#228;.jar">ä</a><a href="%C3%B6.jar">ö</a>'

DIALECTS = [
    (APACHE, IndexPage(("lib", "lib+x"), ("lib-1.0.jar",))),
    (NGINX, IndexPage(("lib",), ())),
    (ABSOLUTE, IndexPage(("lib",), ("lib-1.0.jar", "a.jar"))),
    (REPOSILITE, IndexPage(("lib",), ("a.jar",))),
    (OWN, IndexPage(("lib",), ("a:b.jar",), f"{PAGE}?after=lib%2F")),
    (AMPERSAND, IndexPage((), ("a&b.jar", "ä.jar", "ö.jar"))),
    ("", IndexPage((), ())),
    ('<a href="lib">lib</a><a href="lib/">lib</a>', IndexPage(("lib",), ())),
    ('<a href="a.jar">a</a><a href="a.jar#x">a</a>', IndexPage((), ("a.jar",))),
    ('<a\nhref = " a.jar\n">a</a>', IndexPage((), ("a.jar",))),
]


@pytest.mark.parametrize(("text", "expected"), DIALECTS, ids=range(len(DIALECTS)))
def test_dialects(text: str, expected: IndexPage) -> None:
    assert read(text, PLACE) == expected


ELSEWHERE = [
    "",
    ".",
    "./",
    "..",
    "../",
    "../acme/",
    "../other/",
    "../../../../",
    "/",
    "/maven/org/acmeX/",
    "/maven/org/acme",
    "/maven/org/acme/lib/1.0/",
    "lib/1.0/",
    "//lib/",
    "a%2Fb",
    "%2e%2e/",
    "%2e%2e%2fx",
    ".%2e/",
    "a%5Cb",
    "a\\b",
    "a%00b",
    "a%0ab",
    "a%zz",
    "a%ff",
    "a.jar?download",
    "?after=x",
    "//evil.example.org/maven/org/acme/lib/",
    "http://evil.example.org/maven/org/acme/lib/",
    "http://repo.example.org:8080/maven/org/acme/lib/",
    "https://repo.example.org/maven/org/acme/lib/",
    "http://repo.example.org@evil.example.org/maven/org/acme/lib/",
    "http://user:pw@repo.example.org/maven/org/acme/lib/",
    "http://[::1/maven/org/acme/lib/",
    "file:///maven/org/acme/lib/",
    "javascript:alert(1)",
    "mailto:x@example.org",
    "data:text/html,x",
    "x" * 5000,
]


@pytest.mark.parametrize("link", ELSEWHERE)
def test_links_elsewhere(link: str) -> None:
    assert read(f'<a href="{link}">x</a>', PLACE) == IndexPage((), ())


NEXT = [
    ("?after=x", f"{PAGE}?after=x"),
    ("./?after=x", f"{PAGE}?after=x"),
    ("/maven/org/acme/?p=2#x", f"{PAGE}?p=2"),
    ("../?after=x", ""),
    ("lib/?after=x", ""),
    ("http://evil.example.org/maven/org/acme/?after=x", ""),
    ("?after=ä", ""),
    ("./", ""),
]


@pytest.mark.parametrize(("link", "url"), NEXT)
def test_further_pages_are_of_the_same_folder(link: str, url: str) -> None:
    assert read(f'<a rel="nofollow NEXT" href="{link}">x</a>', PLACE).next == url


def test_of_two_further_pages_the_first_counts() -> None:
    assert read('<a rel=next href="?p=2">x</a><a rel=next href="?p=3">x</a>', PLACE).next == f"{PAGE}?p=2"


NEXUS = Place("http://n.example.org/service/rest/repository/browse/r/org/", "http://n.example.org/repository/r/org/")


def test_files_that_lie_beside_their_pages() -> None:
    text = (
        '<a href="../">Parent</a><a href="acme/">acme</a>'
        '<a href="http://n.example.org/repository/r/org/x.jar">x.jar</a>'
        '<a href="http://n.example.org/repository/other/org/y.jar">y.jar</a>'
    )
    assert read(text, NEXUS) == IndexPage(("acme",), ("x.jar",))


def test_more_names_than_make_sense() -> None:
    with pytest.raises(BadUpstream, match="more than 50000 names"):
        read("".join(f"<a href={number}>" for number in range(MAX_NAMES + 1)), PLACE)


HOSTILE = ["<a " * 1_000_000, "<a href='" * 500_000, "<!" * 1_000_000, "<a href=x" + " x" * 1_000_000, "<" * 3_000_000]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_pages_that_are_no_html_take_no_time(text: str) -> None:
    begun = time.process_time()
    assert read(text, PLACE) == IndexPage((), ())
    assert time.process_time() - begun < 20  # a quadratic parser would take hours

"""What POMs say of their artifacts, and those that are refused."""

from __future__ import annotations

import io
import tracemalloc

import pytest

from mxart.errors import Corrupt
from mxart.formats.maven import pom
from mxart.formats.maven.pom import MAX_POM, Pom

GROUP, ARTIFACT, VERSION = "<groupId>g</groupId>", "<artifactId>a</artifactId>", "<version>1</version>"
OWN = GROUP + ARTIFACT + VERSION
PARENT = "<parent><groupId>pg</groupId><artifactId>pa</artifactId><version>2</version></parent>"

FULL = """<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    xsi:schemaLocation="http://maven.apache.org/POM/4.0.0 http://maven.apache.org/xsd/maven-4.0.0.xsd">
  <!-- This module was also published with a richer model, Gradle metadata,  -->
  <!-- do_not_remove: published-with-gradle-metadata -->
  <modelVersion>4.0.0</modelVersion>
  <parent>
    <groupId>org.example.parent</groupId>
    <artifactId>parent</artifactId>
    <version>7</version>
    <relativePath/>
  </parent>
  <groupId>org.example</groupId>
  <artifactId>example</artifactId>
  <version>1.0-SNAPSHOT</version>
  <packaging>maven-plugin</packaging>
  <developers><developer><name>J&ouml;rg</name></developer></developers>
  <dependencies>
    <dependency><groupId>other</groupId><artifactId>other</artifactId><version>9</version></dependency>
  </dependencies>
  <build><plugins><plugin><groupId>x</groupId><artifactId>y</artifactId><version>z</version></plugin></plugins></build>
</project>
"""


def read(data: str | bytes) -> Pom:
    return pom.read(io.BytesIO(data.encode() if isinstance(data, str) else data))


def test_all_that_is_read() -> None:
    assert read(FULL) == Pom("org.example", "example", "1.0-SNAPSHOT", "maven-plugin", is_gradle=True)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (OWN, Pom("g", "a", "1")),
        (VERSION + ARTIFACT + GROUP, Pom("g", "a", "1")),
        (OWN + PARENT, Pom("g", "a", "1")),
        (PARENT + ARTIFACT, Pom("pg", "a", "2")),
        (ARTIFACT + PARENT, Pom("pg", "a", "2")),
        (PARENT + ARTIFACT + GROUP, Pom("g", "a", "2")),
        (PARENT + ARTIFACT + VERSION, Pom("pg", "a", "1")),
        (PARENT + ARTIFACT + "<groupId/><version> </version>", Pom("pg", "a", "2")),
        (OWN + "<packaging>pom</packaging>", Pom("g", "a", "1", "pom")),
        (OWN + "<packaging> </packaging>", Pom("g", "a", "1", "jar")),
        (GROUP + ARTIFACT + "<version>${revision}</version>", Pom("g", "a", "${revision}")),
        ("<groupId>\n g <!-- c --></groupId><artifactId><![CDATA[a]]></artifactId>" + VERSION, Pom("g", "a", "1")),
        (OWN + "<profiles><profile><packaging>war</packaging></profile></profiles>", Pom("g", "a", "1")),
        (OWN + f"<properties><version>9</version>{'<x/>' * 1000}</properties>", Pom("g", "a", "1")),
        (OWN + f"<description>{'long ' * 100_000}</description>", Pom("g", "a", "1")),
    ],
)
def test_coordinates(body: str, found: Pom) -> None:
    assert read(f"<project>{body}</project>") == found


MARKER = "do_not_remove: published-with-gradle-metadata"


@pytest.mark.parametrize(
    ("text", "is_gradle"),
    [
        (f"<project><!-- {MARKER} -->{OWN}</project>", True),
        (f"<project>{OWN}<!--{MARKER}--></project>", True),
        (f"<project><!-- {'a license ' * 10_000}\n {MARKER} --><!-- other -->{OWN}</project>", True),
        (f"<project><!-- do-not-remove: published-with-gradle-metadata -->{OWN}</project>", True),
        (f"<project xmlns='http://maven.apache.org/POM/4.0.0'><!--{MARKER}-->{OWN}</project>", True),
        (f"<!-- {MARKER} --><project>{OWN}</project>", False),  # Gradle looks at the comments in the root element
        (f"<project>{OWN}</project><!-- {MARKER} -->", False),
        (f"<project>{OWN}<build><!-- {MARKER} --></build></project>", False),
        (f"<project>{OWN}<description>{MARKER}</description></project>", False),
        (f"<project>{OWN}<description><![CDATA[<!-- {MARKER} -->]]></description></project>", False),
        (f"<project><!-- published-with-gradle-metadata -->{OWN}</project>", False),
        (f"<project><!-- DO_NOT_REMOVE: published-with-gradle-metadata -->{OWN}</project>", False),
        (f"<project><?{MARKER.replace(':', '')}?>{OWN}</project>", False),
    ],
)
def test_the_marker_of_gradle(text: str, is_gradle: bool) -> None:
    assert read(text) == Pom("g", "a", "1", is_gradle=is_gradle)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not well-formed XML"),
        ("<project>", "not well-formed XML"),
        (FULL[:-4], "not well-formed XML"),
        ("{}", "not well-formed XML"),
        ("<html><body>Not found</body></html>", "not a <project> document"),
        ("<model/>", "not a <project> document"),
        ("<metadata/>", "not a <project> document"),
        (f"<projects><project>{OWN}</project></projects>", "not a <project> document"),
        ("<project/>", "states no groupId, nor does its parent."),
        (f"<project>{ARTIFACT}{VERSION}</project>", "states no groupId, nor does its parent."),
        (f"<project>{GROUP}{VERSION}</project>", r"states no artifactId\."),
        (f"<project>{GROUP}{VERSION}{PARENT}</project>", r"states no artifactId\."),
        (f"<project>{GROUP}{ARTIFACT}</project>", "states no version, nor does its parent."),
        (f"<project>{OWN}{GROUP}</project>", "states its groupId twice"),
        (f"<project>{OWN}<version/></project>", "states its version twice"),
        (f"<project>{OWN}<packaging>war</packaging><packaging>jar</packaging></project>", "states its packaging twice"),
        (f"<project>{OWN}{PARENT}{PARENT}</project>", "states its parent/groupId twice"),
        (f"<!DOCTYPE project>{FULL.partition('?>')[2]}", "document type declaration"),
        (f"<project><groupId>{'g' * 100_000}</groupId></project>", "more than 16384 characters in <groupId>"),
        (f"<project>{OWN}{'<a>' * 100_000}", "more than 200 elements"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(Corrupt, match=message):
        read(text)


def test_a_large_pom_is_not_held_in_memory() -> None:
    data = f"<project>{OWN}<description>{'words ' * (MAX_POM // 6 - 100)}</description></project>".encode()
    larger = data + b" " * 2000
    assert 15 << 20 < len(data) <= MAX_POM < len(larger)
    tracemalloc.start()
    try:
        assert read(data) == Pom("g", "a", "1")
        with pytest.raises(Corrupt, match=f"more than {MAX_POM} bytes"):
            read(larger)
        assert tracemalloc.get_traced_memory()[1] < 2 << 20
    finally:
        tracemalloc.stop()

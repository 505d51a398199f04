"""Maven repositories of a site: rules by groupIds, groups that pass on what is deployed to them, and their answers."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.maven import checksummed, hex_of, maven_group, maven_hosted, maven_proxy, path_of, pom
from tests.support.server import Answered, Server
from tests.support.upstream import ScriptedUpstream

LIB = path_of("com.example", "lib", "1.0", ".jar")
OTHER = path_of("com.example", "other", "1.0", ".jar")
DEEP = path_of("com.example.deep", "lib", "1.0", ".jar")
ALIKE = path_of("com.examples", "lib", "1.0", ".jar")
ALL = {LIB: "lib", OTHER: "other", DEEP: "deep", ALIKE: "alike"}


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        for path in ALL:
            upstream.static(f"/{path}", path.encode())
        yield upstream


@pytest.mark.parametrize(
    ("rule", "admitted"),
    [
        ('block = ["com.example"]', {"deep", "alike"}),
        ('block = ["com.example.*"]', {"lib", "other", "alike"}),
        ('block = ["com.example:lib"]', {"other", "deep", "alike"}),
        ('block = ["com.example", "com.example.*"]', {"alike"}),
        ('block = ["com.example*"]', set()),
        ('allow = ["com.example"]', {"lib", "other"}),
        ('allow = ["com.example:o*", "com.examples"]', {"other", "alike"}),
    ],
)
def test_rules_are_about_groups_and_artifacts(
    tmp_path: Path, upstream: ScriptedUpstream, rule: str, admitted: set[str]
) -> None:
    with Server(tmp_path, maven_proxy(upstream.url, rule), workers=1) as server:
        for path, name in ALL.items():
            assert server.get(f"/central/{path}").status == (200 if name in admitted else 403), name
            assert server.get(f"/central/{path}.sha1").status == (200 if name in admitted else 403), name
        asked = {request.path.removesuffix(".sha1")[1:] for request in upstream.requests if "sha1" in request.path}
        assert asked == {path for path, name in ALL.items() if name in admitted}


def test_proxies_share_groups_out_by_allow(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    config = (
        maven_group("maven", ["central", "other"])
        + maven_proxy(upstream.url, 'allow = ["com.examples"]')
        + maven_proxy(upstream.url, 'allow = ["com.example"]', name="other")
    )
    with Server(tmp_path, config, workers=1) as server:
        assert server.get(f"/maven/{LIB}").body == LIB.encode()
        assert server.get(f"/maven/{path_of('com.example', 'none', '1.0', '.jar')}").status == 404
        assert server.get(f"/maven/{path_of('com.examples', 'none', '1.0', '.jar')}").status == 404
        assert server.get(f"/central/{LIB}").status == 403
        assert server.get(f"/maven/{DEEP}").status == 403, "and goes nowhere else for that"


def test_names_that_are_exclusive_or_owned_leave_through_no_group(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    config = (
        maven_group(
            "maven", ["releases", "central"], 'publish_to = "releases"', 'exclusive = { releases = ["com.examples"] }'
        )
        + maven_hosted()
        + maven_proxy(upstream.url)
    )
    with Server(tmp_path, config, workers=1) as server:
        assert server.get(f"/maven/{ALIKE}").status == 404
        assert upstream.requests == []
        mine = path_of("com.example", "lib", "2.0", ".jar")
        assert server.request("PUT", f"/maven/{mine}", b"mine").status == 201
        assert server.get(f"/maven/{LIB}").status == 404, "the name is the house's own now"
        assert server.get(f"/maven/{OTHER}").status == 200
        shared = config.replace("publish_to", 'shared_names = ["com.example"]\npublish_to')
        server.configure(shared)
        server.reload()
        assert server.get(f"/maven/{LIB}").body == LIB.encode()
        assert server.get(f"/maven/{mine}").body == b"mine"


def statuses(server: Server, repository: str, files: dict[str, bytes]) -> set[int]:
    return {server.request("PUT", f"/{repository}/{path}", data).status for path, data in files.items()}


def test_what_is_deployed_to_a_group_is_checked_where_it_stands(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    """Not in a member before it that has the same."""
    config = (
        maven_group("maven", ["central", "releases"], 'publish_to = "releases"', 'shared_names = ["com.example"]')
        + maven_hosted("releases", 'version_policy = "release"')
        + maven_proxy(upstream.url)
    )
    with Server(tmp_path, config) as server:
        assert server.get(f"/maven/{LIB}").body == LIB.encode()
        files = {LIB: b"of the house", path_of("com.example", "lib", "1.0", ".pom"): pom("com.example", "lib", "1.0")}
        assert statuses(server, "maven", checksummed(files)) == {201}
        assert server.get(f"/releases/{LIB}.sha1").body == hex_of(b"of the house")
        assert server.get(f"/maven/{LIB}.sha1").body == hex_of(LIB.encode()), "of what the group gives"
        refused = server.request("PUT", "/maven/a/b/1-SNAPSHOT/b-1-SNAPSHOT.jar", b"x")
        assert refused.status == 400
        assert b"version_policy" in refused.body, "a group takes what the member takes that it passes it on to"
        assert server.request("DELETE", f"/maven/{LIB}").status == 200
        assert server.get(f"/releases/{LIB}").status == 404


def test_metadata_of_a_group_is_merged_and_its_checksums_are_of_that(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    metadata = "com/example/lib/maven-metadata.xml"
    upstream.static(
        f"/{metadata}",
        b"<metadata><groupId>com.example</groupId><artifactId>lib</artifactId>"
        b"<versioning><versions><version>1.0</version></versions></versioning></metadata>",
    )
    upstream.static(f"/{metadata}.sha1", b"0" * 40)
    config = (
        maven_group("maven", ["releases", "central"], 'publish_to = "releases"', 'shared_names = ["com.example"]')
        + maven_hosted()
        + maven_proxy(upstream.url)
    )
    with Server(tmp_path, config) as server:
        files = {
            path_of("com.example", "lib", "2.0", ".jar"): b"jar",
            path_of("com.example", "lib", "2.0", ".pom"): pom("com.example", "lib", "2.0"),
        }
        assert statuses(server, "maven", checksummed(files)) == {201}
        merged = server.get(f"/maven/{metadata}")
        assert b"<version>1.0</version>\n      <version>2.0</version>" in merged.body
        for algorithm in ("md5", "sha1", "sha256", "sha512"):
            said = server.get(f"/maven/{metadata}.{algorithm}").body
            assert said == hex_of(merged.body, algorithm)
            assert merged.headers[f"x-checksum-{algorithm}"].encode() == said
            assert server.get(f"/central/{metadata}.{algorithm}").body == hex_of(
                server.get(f"/central/{metadata}").body, algorithm
            )


def phrase(server: Server, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.reason
    finally:
        connection.close()


def test_clients_are_told_why_behind_the_status(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    config = maven_hosted() + maven_proxy(upstream.url, 'block = ["com.example"]')
    with Server(tmp_path, config, workers=1) as server:
        assert phrase(server, f"/releases/{LIB}") == (404, f"{LIB} has not been published to releases")
        status, reason = phrase(server, f"/central/{LIB}")
        assert status == 403
        assert "com.example:lib is blocked in central" in reason
        for hostile in ("%C3%A4%E2%80%99.jar", "a%22%3Cb%3E.jar", "x" * 255):
            status, reason = phrase(server, f"/releases/com/example/lib/1.0/{hostile}")
            assert status == 404
            assert reason.isascii()
            assert len(reason) <= 300


def head(server: Server, path: str) -> Answered:
    return server.get(path, method="HEAD")


def test_head_is_as_get(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    upstream.static(f"/{LIB}.sha1", hex_of(LIB.encode()))
    config = maven_hosted() + maven_proxy(upstream.url)
    with Server(tmp_path, config, workers=1) as server:
        files = {LIB: b"jar", path_of("com.example", "lib", "1.0", ".pom"): pom("com.example", "lib", "1.0")}
        statuses(server, "releases", files)
        paths = [LIB, f"{LIB}.sha1", f"{LIB}.md5", "com/example/lib/maven-metadata.xml", "com/example/lib/1.0/"]
        for repository, path in [("releases", path) for path in paths] + [("central", LIB), ("central", f"{LIB}.sha1")]:
            whole, outline = server.get(f"/{repository}/{path}"), head(server, f"/{repository}/{path}")
            assert (whole.status, outline.status, outline.body) == (200, 200, b""), path
            ignored = ("date", "cache-status")
            assert {name: value for name, value in whole.headers.items() if name not in ignored} == {
                name: value for name, value in outline.headers.items() if name not in ignored
            }, path


def test_gc_puts_builds_that_have_had_their_time_into_the_trash(tmp_path: Path) -> None:
    with Server(tmp_path, maven_hosted("snapshots"), workers=1) as server:
        for number in (1, 2):
            for ending, data in ((".jar", b"jar"), (".pom", pom("com.example", "lib", "1.0-SNAPSHOT"))):
                file = f"lib-1.0-20260101.00000{number}-{number}{ending}"
                path = f"/snapshots/com/example/lib/1.0-SNAPSHOT/{file}"
                assert server.request("PUT", path, data).status == 201
        settings = server.config
        settings.write_text(settings.read_text() + 'snapshot_max_age = "0 s"\n')
        for arguments, still in ((("--dry-run",), 200), ((), 404)):
            done = server.run("gc", *arguments)
            assert "2 outdated entries to the trash" in done.stdout, done
            first = "/snapshots/com/example/lib/1.0-SNAPSHOT/lib-1.0-20260101.000001-1.jar"
            assert server.get(first).status == still
        assert server.get(first.replace("1-1.", "2-2.")).status == 200
        assert "lib-1.0-20260101.000001-1.pom" in server.run("trash", "list").stdout

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mxart.cli import main
from mxart.upstream import patience
from tests.cli.copies.mavenhost import MavenHost
from tests.cli.copies.mavensource import JAR, METADATA, POM, Listing, artifacts, checked, release, write
from tests.support.server import Server
from tests.support.upstream import Answer, ScriptedUpstream

RELEASE = release()


@pytest.fixture(autouse=True)
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password in ./secret; no configuration, nothing else. Nobody waits."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(patience, "PAUSES", (0.0, 0.0))
    Path("secret").write_text("pw\n")


@pytest.fixture
def host() -> Iterator[MavenHost]:
    with MavenHost() as host:
        yield host


@pytest.fixture
def scripted() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["import", "maven", *arguments])


def copy(source: str | Path, host: MavenHost, *arguments: str) -> Result:
    return run(str(source), "--to", host.url, "--user", "ada", "--password-file", "secret", *arguments)


def told(result: Result) -> dict[str, object]:
    document = json.loads(result.stdout)
    assert isinstance(document, dict)
    return document


def reasons(result: Result) -> dict[str, int]:
    return {each["reason"]: each["files"] for each in told(result)["left_out"]}  # type: ignore[attr-defined]


# --- from a folder -----------------------------------------------------------------------------------------------


def test_a_tree_is_copied(host: MavenHost) -> None:
    result = copy(write(Path("tree"), RELEASE | METADATA), host)
    size = sum(map(len, artifacts(RELEASE).values()))
    assert result.exit_code == 0, result.output
    assert host.held == artifacts(RELEASE)
    assert host.authorizations == {"Basic " + b64encode(b"ada:pw").decode()}
    assert result.stdout == (
        f"sent 5 files ({size / 1024:.1f} KiB), 0 were there already, 3 left out:\n"
        "      3 the server makes it itself\n"
        "          org/acme/lib/maven-metadata.xml\n"
        "          org/acme/lib/maven-metadata.xml.md5\n"
        "          org/acme/lib/maven-metadata.xml.sha1\n"
    )


def test_poms_come_last(host: MavenHost) -> None:
    copy(write(Path("tree"), release("1.0") | release("2.0")), host)
    for version in ("1.0", "2.0"):
        sent = [path.rpartition("/")[2] for path in host.put() if f"/{version}/" in path]
        stem = f"lib-{version}"
        assert sent == [f"{stem}-sources.jar", f"{stem}.jar", f"{stem}.jar.asc", f"{stem}.module", f"{stem}.pom"]


def test_what_is_there_is_not_sent_again(host: MavenHost) -> None:
    write(Path("tree"), release("1.0"))
    assert copy("tree", host).exit_code == 0
    write(Path("tree"), release("2.0"))
    host.log.clear()
    result = copy("tree", host)
    assert result.exit_code == 0
    assert "sent 5 files" in result.stdout
    assert "5 were there already, nothing left out" in result.stdout
    assert sorted(host.put()) == sorted(artifacts(release("2.0")))


def test_other_content_is_left_as_it_is(host: MavenHost) -> None:
    jar, pom = "org/acme/lib/1.0/lib-1.0.jar", "org/acme/lib/1.0/lib-1.0.pom"
    host.held = {jar: b"other", pom: RELEASE[pom][::-1]}
    result = copy(write(Path("tree"), RELEASE), host)
    assert result.exit_code == 1
    assert "sent 3 files" in result.stdout
    assert "      2 other content stands there\n          org/acme/lib/1.0/lib-1.0.jar\n" in result.stdout
    assert (host.held[jar], host.held[pom]) == (b"other", RELEASE[pom][::-1])
    assert jar not in host.put()


def test_a_server_that_says_no_digests_judges_itself(host: MavenHost) -> None:
    jar = "org/acme/lib/1.0/lib-1.0.jar"
    host.says_digests = False
    host.held = {jar: RELEASE[jar], "org/acme/lib/1.0/lib-1.0.module": b"[]"}
    result = copy(write(Path("tree"), RELEASE), host, "--json")
    assert reasons(result) == {"refused by the server with 409": 1}
    assert jar in host.put()


SNAPSHOTS = {
    "org/acme/lib/1.0-SNAPSHOT/lib-1.0-SNAPSHOT.jar": b"new",
    "org/acme/lib/1.0-SNAPSHOT/lib-1.0-20240101.000000-1.jar": b"new",
}


def test_a_snapshot_without_a_build_is_replaced(host: MavenHost) -> None:
    host.held = dict.fromkeys(SNAPSHOTS, b"old")
    result = copy(write(Path("tree"), SNAPSHOTS), host, "--json")
    assert reasons(result) == {"other content stands there": 1}
    assert host.put() == ["org/acme/lib/1.0-SNAPSHOT/lib-1.0-SNAPSHOT.jar"]


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256", "sha512"])
def test_a_damaged_file_is_left_out(host: MavenHost, algorithm: str) -> None:
    path = "org/acme/lib/1.0/lib-1.0.jar"
    files = {**checked(path, JAR, algorithm), path: JAR[:-1] + b"!"}
    result = copy(write(Path("tree"), files), host)
    assert result.exit_code == 1
    assert f"      1 does not match its .{algorithm}\n          {path}\n" in result.stdout
    assert host.held == {}


def test_what_is_damaged_here_and_whole_there_is_there(host: MavenHost) -> None:
    path = "org/acme/lib/1.0/lib-1.0.jar"
    host.held = {path: JAR}
    result = copy(write(Path("tree"), {**checked(path, JAR), path: b"half"}), host)
    assert (result.exit_code, host.put()) == (0, [])


def test_a_checksum_file_that_states_none_says_nothing(host: MavenHost) -> None:
    path = "org/acme/lib/1.0/lib-1.0.jar"
    assert copy(write(Path("tree"), {path: JAR, f"{path}.sha1": b"", f"{path}.md5": b"<html>"}), host).exit_code == 0
    assert host.held == {path: JAR}


def test_a_local_repository(host: MavenHost) -> None:
    stem = "org/acme/lib/1.0/"
    notes = {
        f"{stem}_remote.repositories": b"",
        f"{stem}lib-1.0.jar.lastUpdated": b"",
        "org/acme/lib/maven-metadata-local.xml": b"",
        "org/acme/lib/resolver-status.properties": b"",
        ".cache/index": b"",
        ".nexus/attributes/org/acme/lib/1.0/lib-1.0.jar": b"",
        "archetype-catalog.xml": b"",
        f"{stem}notes.txt": b"",
        f"{stem}lib-1.0-docs.zip.sha1": b"",
    }
    result = copy(write(Path("m2"), RELEASE | notes), host, "--json")
    assert result.exit_code == 0
    assert host.held == artifacts(RELEASE)
    assert reasons(result) == {
        "a note of a client or a server for itself": 4,
        "hidden": 2,
        "outside the Maven layout": 2,
        "a checksum of nothing that is there": 1,
    }


def test_a_name_that_is_no_text(host: MavenHost) -> None:
    folder = write(Path("tree"), RELEASE) / "org/acme/lib/1.0"
    Path(os.fsdecode(bytes(folder) + b"/lib-1.0-\xff.jar")).write_bytes(b"x")
    result = copy("tree", host, "--report", "report.jsonl")
    assert (result.exit_code, host.held) == (0, artifacts(RELEASE))
    assert "outside the Maven layout" in result.stdout


def test_json_and_report(host: MavenHost) -> None:
    jar = "org/acme/lib/1.0/lib-1.0.jar"
    module = "org/acme/lib/1.0/lib-1.0.module"
    host.held = {jar: RELEASE[jar]}
    host.refuse = lambda method, path: (413, "Too large.") if (method, path) == ("PUT", module) else None
    result = copy(write(Path("tree"), RELEASE | METADATA), host, "--json", "--report", "report.jsonl")
    sent = sum(len(data) for path, data in artifacts(RELEASE).items() if path not in (jar, module))
    document = told(result)
    assert result.exit_code == 1
    assert document["source"] == "tree"
    assert document["to"] == host.url
    assert document["ended"] is None
    assert document["sent"] == {"files": 3, "bytes": sent}
    assert document["already_there"] == {"files": 1, "bytes": len(RELEASE[jar])}
    assert document["left_out"][0] == {  # type: ignore[index]
        "reason": "refused by the server with 413",
        "lost": True,
        "files": 1,
        "examples": [{"path": module, "detail": "Too large."}],
    }
    lines = [json.loads(line) for line in Path("report.jsonl").read_text().splitlines()]
    assert {line["path"]: line["outcome"] for line in lines} == {
        **dict.fromkeys(artifacts(RELEASE), "sent"),
        **dict.fromkeys(METADATA, "left out"),
        jar: "already there",
        module: "left out",
    }
    assert len(lines) == len(artifacts(RELEASE)) + len(METADATA)


def test_examples_are_few_and_the_report_has_all(host: MavenHost) -> None:
    files = {f"org/acme/lib/1.0/{number}.txt": b"" for number in range(20)}
    result = copy(write(Path("tree"), files), host, "--report", "report.jsonl")
    assert result.stdout.count(".txt") == 5
    assert result.stdout.endswith("          …\n")
    assert len(Path("report.jsonl").read_text().splitlines()) == 20


# --- what the server refuses -------------------------------------------------------------------------------------


def test_a_file_that_is_refused_stops_no_other(host: MavenHost) -> None:
    host.refuse = lambda method, path: (400, "No jars.") if (method, path[-4:]) == ("PUT", ".jar") else None
    result = copy(write(Path("tree"), RELEASE), host)
    assert result.exit_code == 1
    assert sorted(host.held) == [path for path in sorted(artifacts(RELEASE)) if not path.endswith(".jar")]
    assert "refused by the server with 400\n          org/acme/lib/1.0/lib-1.0-sources.jar: No jars.\n" in result.stdout


ENDING = [
    (401, "Who?", ["answers 401: Who? Give --user and --password-file."]),
    (404, "Nothing.", ["answers 404: Nothing. Is --to the base URL of a Maven repository?"]),
    (405, "It is a proxy.", ["answers 405: It is a proxy. Is --to a hosted repository"]),
    (507, "The disk is full.", ["answers 507: The disk is full. Run it again"]),
    (503, "Not now.", ["answers 503: Not now. Run it again"]),
    (307, "Moved.", ["answers 307: Moved. It leads elsewhere"]),
]


@pytest.mark.parametrize(("status", "detail", "said"), ENDING, ids=[status for status, _, _ in ENDING])
def test_what_ends_it_all(host: MavenHost, status: int, detail: str, said: list[str]) -> None:
    host.refuse = lambda method, path: (status, detail) if method == "PUT" else None
    files = {path: data for number in range(50) for path, data in release(f"1.{number}").items()}
    result = copy(write(Path("tree"), files), host, "--jobs", "2")
    assert result.exit_code == 1
    for part in said:
        assert part in result.stderr
    assert result.stdout.startswith("sent 0 files (0 B)")
    assert len(host.put()) < 20


@pytest.mark.parametrize("status", [401, 302, 500])
def test_a_server_that_does_not_even_say_what_it_has(host: MavenHost, status: int) -> None:
    host.refuse = lambda method, path: (status, "")
    result = copy(write(Path("tree"), RELEASE), host)
    assert result.exit_code == 1
    assert f"answers {status}" in result.stderr
    assert host.put() == []


def test_who_may_write_nothing_is_told_soon(host: MavenHost) -> None:
    host.refuse = lambda method, path: (403, "Not you.") if method == "PUT" else None
    files = {path: data for number in range(50) for path, data in release(f"1.{number}").items()}
    result = copy(write(Path("tree"), files), host, "--jobs", "1")
    assert result.exit_code == 1
    assert "answers 403: Not you." in result.stderr
    assert len(host.put()) == 10


def test_who_may_not_write_some_things_may_write_others(host: MavenHost) -> None:
    files = {path: data for number in range(20) for path, data in release(f"1.{number}").items()}
    host.refuse = lambda method, path: (403, "Blocked.") if method == "PUT" and "/1.7/" not in path else None
    host.held = {path: data for path, data in artifacts(files).items() if "/1.0/" not in path and "/1.7/" not in path}
    result = copy(write(Path("tree"), files), host, "--json", "--jobs", "1")
    assert told(result)["sent"]["files"] == 5  # type: ignore[index]
    assert reasons(result) == {"refused by the server with 403": 5}


def test_what_passes_is_asked_again(host: MavenHost) -> None:
    failing = iter([True, True, False, True] + 100 * [False])
    host.refuse = lambda method, path: (503, "") if method == "PUT" and next(failing) else None
    result = copy(write(Path("tree"), RELEASE), host, "--jobs", "1")
    assert (result.exit_code, host.held) == (0, artifacts(RELEASE))


def test_nobody_there() -> None:
    with MavenHost() as host:
        pass
    result = copy(write(Path("tree"), RELEASE), host)
    assert result.exit_code == 1
    assert "cannot be reached" in result.stderr
    assert "Run it again" in result.stderr


# --- from a server -----------------------------------------------------------------------------------------------


def test_a_server_is_copied(scripted: ScriptedUpstream, host: MavenHost) -> None:
    odd = checked("org/acme/lib/1.0+x~1/lib-1.0+x~1-ä b.jar", JAR)
    scripted.handler = Listing(RELEASE | METADATA | odd | {"org/acme/lib/.index/x": b""})
    result = copy(f"{scripted.url}/base/", host, "--json")
    assert result.exit_code == 0, result.output
    assert host.held == artifacts(RELEASE | odd)
    assert reasons(result) == {"the server makes it itself": 3, "hidden": 1}
    assert {seen.headers.get("authorization") for seen in scripted.requests} == {None}
    assert len({seen.connection for seen in scripted.requests}) < 10


def test_what_is_there_is_not_even_downloaded(scripted: ScriptedUpstream, host: MavenHost) -> None:
    plain = {"org/acme/lib/2.0/lib-2.0.jar": JAR}
    scripted.handler = Listing(RELEASE | plain)
    assert copy(f"{scripted.url}/base", host).exit_code == 0
    scripted.requests.clear()
    result = copy(f"{scripted.url}/base", host)
    assert "6 were there already" in result.stdout
    read = [seen.path.removeprefix("/base/") for seen in scripted.requests if seen.method == "GET"]
    assert sorted(path for path in read if path in artifacts(RELEASE | plain)) == [
        "org/acme/lib/1.0/lib-1.0.jar.asc",  # nothing is said of it
        "org/acme/lib/2.0/lib-2.0.jar",
    ]


def test_what_a_server_says_in_its_head_is_enough(scripted: ScriptedUpstream, host: MavenHost) -> None:
    path = "org/acme/lib/1.0/lib-1.0.jar"
    listing = Listing({path: JAR})
    listing.headers = {"X-Checksum-Sha1": checked(path, JAR)[f"{path}.sha1"].decode()}
    scripted.handler = listing
    host.held = {path: JAR}
    assert "1 was there already" in copy(f"{scripted.url}/base", host).stdout
    assert [seen.method for seen in scripted.requests if seen.path.endswith(".jar")] == ["HEAD"]


def test_a_damaged_download_is_left_out(scripted: ScriptedUpstream, host: MavenHost) -> None:
    jar, pom = "org/acme/lib/1.0/lib-1.0.jar", "org/acme/lib/1.0/lib-1.0.pom"
    listing = Listing({**checked(jar, JAR), jar: JAR[1:], pom: POM})
    scripted.handler = listing
    assert reasons(copy(f"{scripted.url}/base", host, "--json")) == {"does not match its .sha1": 1}
    listing.headers = {"X-Checksum-MD5": "0" * 32}
    del host.held[pom]
    assert reasons(copy(f"{scripted.url}/base", host, "--json"))["does not match its .md5"] == 2
    assert host.held == {}


def test_what_is_listed_and_not_there(scripted: ScriptedUpstream, host: MavenHost) -> None:
    scripted.handler = Listing(RELEASE)
    scripted.script("/base/org/acme/lib/1.0/lib-1.0.module", Answer(status=404))
    result = copy(f"{scripted.url}/base", host)
    assert result.exit_code == 1
    assert "cannot be read\n          org/acme/lib/1.0/lib-1.0.module: 127.0.0.1" in result.stdout
    assert "answers 404" in result.stdout


def test_a_source_that_wants_a_login(scripted: ScriptedUpstream, host: MavenHost) -> None:
    listing = Listing(RELEASE)
    scripted.handler = listing
    Path(".netrc").write_text("machine 127.0.0.1 login eve password of-eve\n")
    assert copy(f"{scripted.url}/base", host).exit_code == 0
    expected = "Basic " + b64encode(b"eve:of-eve").decode()
    assert {seen.headers.get("authorization") for seen in scripted.requests} == {expected}
    assert host.authorizations == {"Basic " + b64encode(b"ada:pw").decode()}


NOTHING_LISTED = [
    ("/base/", 404, {}, b"", "answers 404"),
    ("/base/", 401, {}, b"", "answers 401: put a line with your login for it into ~/.netrc"),
    ("/base/", 301, {"Location": "/elsewhere/"}, b"", "answers 301, it leads to /elsewhere/"),
    ("/base/", 200, {"Content-Type": "text/html"}, b"<a href='../'>up</a>", "/base/ lists nothing."),
    ("/base/", 200, {"Content-Type": "application/json"}, b"{}", "is no page of HTML"),
]


@pytest.mark.parametrize(("path", "status", "headers", "body", "said"), NOTHING_LISTED, ids=range(len(NOTHING_LISTED)))
def test_a_server_without_index_pages(
    scripted: ScriptedUpstream,
    host: MavenHost,
    path: str,
    status: int,
    headers: dict[str, str],
    body: bytes,
    said: str,
) -> None:
    scripted.handler = lambda target: (status, headers, body) if target == path else None
    result = copy(f"{scripted.url}/base", host)
    assert result.exit_code == 1
    assert said in result.stderr
    assert "copy the tree to this machine, and give the folder" in result.stderr
    assert host.log == []


# --- a dry run ---------------------------------------------------------------------------------------------------


def test_a_dry_run_needs_nobody() -> None:
    result = run(str(write(Path("tree"), RELEASE | METADATA)), "--dry-run")
    assert result.exit_code == 0
    assert "  org/acme/lib/1.0/lib-1.0.pom  13 B\n" in result.stdout
    assert "would send 5 files (" in result.stdout
    assert "      3 the server makes it itself\n" in result.stdout


def test_a_dry_run_asks_only_the_source(scripted: ScriptedUpstream, host: MavenHost) -> None:
    scripted.handler = Listing(RELEASE)
    result = copy(f"{scripted.url}/base", host, "--dry-run", "--json", "--report", "report.jsonl")
    assert told(result)["would_send"] == {"files": 5, "bytes": None}
    assert {json.loads(line)["outcome"] for line in Path("report.jsonl").read_text().splitlines()} == {"would be sent"}
    assert host.log == []
    assert [seen.path for seen in scripted.requests if not seen.path.endswith("/")] == []


# --- usage -------------------------------------------------------------------------------------------------------

WRONG = [
    (("tree",), "say with --to which repository takes it"),
    (("missing", "--to", "http://127.0.0.1:1/r"), "missing is neither a folder nor"),
    (("ftp://127.0.0.1/", "--to", "http://127.0.0.1:1/r"), "is neither a folder nor"),
    (("http://a:b@127.0.0.1/", "--to", "http://127.0.0.1:1/r"), "without credentials"),
    (("tree", "--to", "http://127.0.0.1:1/r?x"), "without credentials"),
    (("tree", "--to", "releases"), "no configuration says where releases is"),
    (("tree", "--to", "http://127.0.0.1:1/r", "--jobs", "0"), "--jobs"),
    (("tree", "--to", "http://art.example.org/r"), "no password for admin"),
]


@pytest.mark.parametrize(("arguments", "said"), WRONG, ids=range(len(WRONG)))
def test_wrong_usage(arguments: tuple[str, ...], said: str) -> None:
    write(Path("tree"), RELEASE)
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr


# --- interrupted -------------------------------------------------------------------------------------------------


def test_ctrl_c_ends_it_and_it_goes_on(host: MavenHost, tmp_path: Path) -> None:
    held = threading.Event()
    arrived = threading.Event()

    def slow(method: str, path: str) -> None:
        if method == "PUT" and "/1.5/" in path:
            arrived.set()
            held.wait(30)

    host.refuse = slow
    files = {path: data for number in range(10) for path, data in release(f"1.{number}").items()}
    write(Path("tree"), files)
    arguments = ["import", "maven", "tree", "--to", host.url, "--password-file", "secret", "--jobs", "2", "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "mxart", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path
    ) as process:
        assert arrived.wait(20)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=20)
    held.set()
    assert process.returncode == 1
    assert b"It was interrupted. Run it again" in errors
    assert b"Traceback" not in errors
    assert json.loads(output)["sent"]["files"] >= 1
    host.refuse = lambda method, path: None
    assert copy("tree", host).exit_code == 0
    assert host.held == artifacts(files)


# --- into a real server ------------------------------------------------------------------------------------------

HOSTED = """
[[repository]]
name = "releases"
format = "maven"
kind = "hosted"
[[repository]]
name = "copy"
format = "maven"
kind = "hosted"
"""


def lib(version: str) -> dict[str, bytes]:
    """A version whose POM is right."""
    pom = f"<project><groupId>org.acme</groupId><artifactId>lib</artifactId><version>{version}</version></project>"
    return release(version) | checked(f"org/acme/lib/{version}/lib-{version}.pom", pom.encode())


def test_from_a_folder_into_mxart_and_from_there_into_another(tmp_path: Path) -> None:
    files = lib("1.0") | lib("1.1")
    with Server(tmp_path / "server", HOSTED) as server:
        write(server.folder / "tree", files | METADATA)
        for source, name in (("tree", "releases"), (f"{server.url}/releases", "copy")):
            for sent, there in ((10, 0), (0, 10)):
                done = server.run("import", "maven", source, "--to", name, "--json")
                assert done.returncode == 0, done.stderr
                document = json.loads(done.stdout)
                assert (document["sent"]["files"], document["already_there"]["files"]) == (sent, there)
            for path, data in artifacts(files).items():
                assert server.get(f"/{name}/{path}").body == data
            metadata = server.get(f"/{name}/org/acme/lib/maven-metadata.xml").body
            assert b"<version>1.0</version>" in metadata
            assert b"<release>1.1</release>" in metadata


def test_what_has_no_pom_is_listed_all_the_same(tmp_path: Path) -> None:
    tool = {"org/acme/tool/1.0/tool-1.0.zip": JAR}
    build = {"org/acme/tool/2.0-SNAPSHOT/tool-2.0-20260101.000000-4.zip": JAR}
    with Server(tmp_path / "server", HOSTED) as server:
        write(server.folder / "tree", tool | build)
        for _ in range(2):
            done = server.run("import", "maven", "tree", "--to", "releases")
            assert done.returncode == 0, done.stderr
        listed = server.get("/releases/org/acme/tool/maven-metadata.xml").body
        assert b"<version>1.0</version>" in listed
        assert b"<version>2.0-SNAPSHOT</version>" in listed
        builds = server.get("/releases/org/acme/tool/2.0-SNAPSHOT/maven-metadata.xml").body
        assert b"<value>2.0-20260101.000000-4</value>" in builds


def test_what_mxart_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    wrong = "org/acme/lib/1.0/lib-1.0.pom"
    with Server(tmp_path / "server", HOSTED) as server:
        write(server.folder / "tree", lib("1.0") | {wrong: b"<project/>"})
        (server.folder / "tree" / f"{wrong}.sha1").unlink()
        (server.folder / "tree" / f"{wrong}.md5").unlink()
        done = server.run("import", "maven", "tree", "--to", f"{server.url}/releases")
        assert done.returncode == 1
        assert "      1 refused by the server with 400\n" in done.stdout
        assert f"{wrong}: {wrong} is refused: " in done.stdout
        nowhere = server.run("import", "maven", "tree", "--to", f"{server.url}/nowhere")
        assert nowhere.returncode == 1
        assert "Is --to the base URL of a Maven repository?" in nowhere.stderr

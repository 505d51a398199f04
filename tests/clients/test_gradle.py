"""Debian's Gradle resolves and publishes through forked workers; Gradle and Maven use what it has published."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clients.gradlecommand import Gradle, gradle_project
from tests.clients.mavencommand import Login, Maven, MavenSite, customer, greeting, maven_site, project

pytestmark = [pytest.mark.client, pytest.mark.timeout(240)]

TOOL = "com.example.gradle:tool"
PATH = "com/example/gradle/tool"


@pytest.fixture(scope="module")
def there(client: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[MavenSite]:
    client("gradle")
    client("mvn")
    with maven_site(tmp_path_factory.mktemp("gradle")) as there:
        yield there


@pytest.fixture
def make_gradle(client: Callable[[str], str], tmp_path: Path, there: MavenSite) -> Callable[..., Gradle]:
    def make(name: str, login: Login | None = None) -> Gradle:
        login = there.login if login is None else login
        return Gradle(client("gradle"), tmp_path / name, there.server.url, login)

    return make


def test_a_release_is_built_published_and_used(
    client: Callable[[str], str], tmp_path: Path, there: MavenSite, make_gradle: Callable[..., Gradle]
) -> None:
    builder, tool = make_gradle("builder"), gradle_project("tool", tmp_path / "tool")
    builder.build(tool, "-Pversion=1.0", "build", "publish")
    assert (tool / "build/test-results/test/TEST-com.example.tool.ToolTest.xml").is_file()
    assert there.asked("/junit/junit/4.13.2/junit-4.13.2.jar")
    metadata = there.metadata(PATH)
    assert [version.text for version in metadata.iterfind("versioning/versions/version")] == ["1.0"]

    there.upstream.stop()  # Gradle's cache is empty, the server's is not
    try:
        got = make_gradle("home").copied(gradle_project("user", tmp_path / "user"), f"{TOOL}:1.+")
    finally:
        there.upstream.start()
    assert set(got) == {"tool-1.0.jar", "commons-cli-1.4.jar"}
    assert greeting(got["tool-1.0.jar"]) == "well met"

    maven = Maven(client("mvn"), tmp_path / "maven", there.server.url, there.login)
    maven.seed()
    maven.build(project("shop", tmp_path / "shop"), "--non-recursive", "deploy")  # the customer's parent
    assert set(maven.copied(customer(tmp_path / "customer", f"{TOOL}:1.0"))) == set(got)

    gradle_project("tool", tmp_path / "other", greeting="other words")
    refused = builder.refused("--project-dir", str(tmp_path / "other"), "-Pversion=1.0", "publish")
    assert "409" in refused
    assert 'redeploy = "deny"' in refused


def test_a_new_snapshot_is_seen(tmp_path: Path, there: MavenSite, make_gradle: Callable[..., Gradle]) -> None:
    builder, gradle = make_gradle("builder"), make_gradle("home")
    user = gradle_project("user", tmp_path / "user")
    for number in ("1", "2"):
        tool = gradle_project("tool", tmp_path / number, greeting=f"met {number}")
        builder.build(tool, "-Pversion=1.1-SNAPSHOT", "publish")
        got = gradle.copied(user, f"{TOOL}:1.1-SNAPSHOT", *(("--refresh-dependencies",) if number == "2" else ()))
        assert greeting(got["tool-1.1-SNAPSHOT.jar"]) == f"met {number}"
        assert there.metadata(f"{PATH}/1.1-SNAPSHOT").findtext("versioning/snapshot/buildNumber") == number


def test_a_wrong_password_is_named(tmp_path: Path, make_gradle: Callable[..., Gradle]) -> None:
    tool = gradle_project("tool", tmp_path / "tool")
    refused = make_gradle("home", ("admin", "wrong")).refused("--project-dir", str(tool), "-Pversion=7", "publish")
    assert "401" in refused
    assert "The user name or the password is wrong" in refused

"""What the stock mvn command deploys to forked workers, and reads back through the group."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.clients.mavencommand import (
    GET,
    PLUGINS,
    Login,
    Maven,
    MavenSite,
    customer,
    greeting,
    maven_repository,
    maven_site,
    newer_maven,
    project,
)

pytestmark = [pytest.mark.client, pytest.mark.timeout(240)]

LIBRARY = ("--projects", ".,core", "-Dmaven.test.skip")  # no more of the shop than one module and its parent
CORE = "com/example/shop/core"
UNIQUE = re.compile(r"core-1\.1-(\d{8}\.\d{6})-(\d+)\.jar")
TWO_HOUSES = maven_repository("lab", "hosted") + maven_repository("two", "group", 'members = ["releases", "lab"]')


@pytest.fixture(scope="module")
def there(client: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[MavenSite]:
    client("mvn")
    with maven_site(tmp_path_factory.mktemp("maven"), TWO_HOUSES) as there:
        yield there


@pytest.fixture
def make_maven(client: Callable[[str], str], tmp_path: Path, there: MavenSite) -> Callable[..., Maven]:
    """Gives a mvn whose local repository has what comes from outside."""

    def make(
        name: str, login: Login | None = None, mirror: str = "maven", seeded: bool = True, newer: bool = False
    ) -> Maven:
        login = there.login if login is None else login
        program = newer_maven() if newer else client("mvn")
        maven = Maven(program, tmp_path / name, there.server.url, login, mirror=mirror)
        if seeded:
            maven.seed()
        return maven

    return make


@pytest.fixture(scope="module")
def released(client: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory, there: MavenSite) -> MavenSite:
    """The site with the releases 1.0, 1.1 and 2.0 of the shop."""
    folder = tmp_path_factory.mktemp("releases")
    maven = Maven(client("mvn"), folder / "home", there.server.url, there.login)
    maven.seed()
    for version, *options in (("1.0", "-DskipTests"), ("2.0", *LIBRARY), ("1.1", *LIBRARY)):
        shop = project("shop", folder / version, version=version, greeting=f"met {version}")
        maven.build(shop, "deploy", *options)
    return there


def versions(site: MavenSite, path: str, repository: str = "maven") -> list[str | None]:
    return [version.text for version in site.metadata(path, repository).iterfind("versioning/versions/version")]


# --- releases ---------------------------------------------------------------------------------------------------


def test_releases_are_deployed_and_used_from_an_empty_repository(
    tmp_path: Path, released: MavenSite, make_maven: Callable[..., Maven]
) -> None:
    assert versions(released, CORE) == ["1.0", "1.1", "2.0"]
    metadata = released.metadata(CORE)
    assert (metadata.findtext("versioning/release"), metadata.findtext("versioning/latest")) == ("2.0", "2.0")

    wanted = ("app:1.0", "core:1.0:sources", "core:1.0:tests")
    maven = make_maven("home", seeded=False)
    got = maven.copied(customer(tmp_path / "customer", *(f"com.example.shop:{one}" for one in wanted)))
    names = {"app-1.0.jar", "core-1.0.jar", "core-1.0-sources.jar", "core-1.0-tests.jar", "commons-cli-1.4.jar"}
    assert set(got) == names
    assert greeting(got["core-1.0.jar"]) == "met 1.0"
    assert released.asked("/commons-cli/")  # of the last member: the first two are asked, and have it not
    assert released.asked("/com/example/shop/core/") == []  # what the house has is asked of nobody else


def test_a_range_takes_the_newest_version_in_it(
    tmp_path: Path, released: MavenSite, make_maven: Callable[..., Maven]
) -> None:
    got = make_maven("home").copied(customer(tmp_path / "customer", "com.example.shop:core:[1.0,2.0)"))
    assert set(got) == {"core-1.1.jar", "commons-cli-1.4.jar"}
    assert greeting(got["core-1.1.jar"]) == "met 1.1"


@pytest.mark.parametrize("newer", [False, True])
def test_a_release_is_not_deployed_again(
    tmp_path: Path, released: MavenSite, make_maven: Callable[..., Maven], newer: bool
) -> None:
    shop = project("shop", tmp_path / "shop", version="1.0", greeting="other words")
    refused = make_maven("home", newer=newer).refused("--file", str(shop), "deploy", *LIBRARY)
    assert "409" in refused
    assert 'redeploy = "deny"' in refused
    assert "releases" in refused
    assert versions(released, CORE) == ["1.0", "1.1", "2.0"]


def test_a_wrong_password_is_named(tmp_path: Path, make_maven: Callable[..., Maven]) -> None:
    maven = make_maven("home", ("admin", "wrong"))
    shop = project("shop", tmp_path / "shop", version="7")
    refused = maven.refused("--file", str(shop), "--non-recursive", "deploy")
    assert "401" in refused
    assert "authentication failed" in refused
    assert "The user name or the password is wrong" in refused


# --- snapshots ---------------------------------------------------------------------------------------------------


def test_snapshots_are_unique_and_a_new_one_is_seen_at_once(
    tmp_path: Path, released: MavenSite, make_maven: Callable[..., Maven]
) -> None:
    """The customer's parent is a snapshot, too. One of the two is a newer Maven."""
    builder, maven = make_maven("builder", newer=True), make_maven("home")
    wants = customer(tmp_path / "customer", "com.example.shop:core:1.1-SNAPSHOT", parent="1.1-SNAPSHOT")
    seen = []
    for number in ("1", "2"):
        folder = tmp_path / f"shop{number}"
        shop = project("shop", folder, version="1.1-SNAPSHOT", greeting=f"met {number}")
        builder.build(shop, "deploy", *LIBRARY)
        got = maven.copied(wants, *(("-U",) if number == "2" else ()))
        (jar,) = (name for name in got if name.startswith("core-"))
        assert greeting(got[jar]) == f"met {number}"
        stamp = UNIQUE.fullmatch(jar)
        assert stamp is not None, jar
        seen.append(stamp.groups())
    assert [build for _, build in seen] == ["1", "2"]
    assert seen[0][0] < seen[1][0]

    newest = released.metadata(f"{CORE}/1.1-SNAPSHOT").find("versioning/snapshot")
    assert newest is not None
    assert (newest.findtext("timestamp"), newest.findtext("buildNumber")) == seen[1]
    assert versions(released, CORE) == ["1.0", "1.1-SNAPSHOT", "1.1", "2.0"]
    assert versions(released, CORE, "snapshots") == ["1.1-SNAPSHOT"]


# --- groups ---------------------------------------------------------------------------------------------------


def test_a_plugin_is_found_by_its_prefix(tmp_path: Path, released: MavenSite, make_maven: Callable[..., Maven]) -> None:
    make_maven("builder").build(project("greet", tmp_path / "greet"), "deploy")
    assert "well met" in make_maven("home")("greet:say")
    assert released.metadata("com/example/greet").findtext("plugins/plugin/prefix") == "greet"
    assert released.asked(f"/{PLUGINS.replace('.', '/')}/maven-metadata.xml")  # of all groups of plugins


def test_what_only_the_second_member_has(tmp_path: Path, there: MavenSite, make_maven: Callable[..., Maven]) -> None:
    (tmp_path / "notes.txt").write_text("read me\n")
    done = make_maven("builder").deploy_file(f"{there.server.url}/lab", tmp_path / "notes.txt", "lab:notes:1")
    assert done.returncode == 0, done.stdout
    maven = make_maven("home", mirror="two")
    maven(GET, "-Dartifact=lab:notes:1:txt", "-Dtransitive=false")
    assert (maven.local / "lab/notes/1/notes-1.txt").read_text() == "read me\n"
    assert there.server.get("/releases/lab/notes/1/notes-1.txt").status == 404


# --- many at once ---------------------------------------------------------------------------------------------------

MANY = """<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>many</groupId><artifactId>deployer</artifactId><version>1</version><packaging>pom</packaging>
  <build><plugins><plugin>
    <artifactId>maven-deploy-plugin</artifactId><version>3.1.1</version>
    <executions>{}</executions>
  </plugin></plugins></build>
</project>"""
ONE = """<execution>
  <id>v{version}</id><phase>validate</phase><goals><goal>deploy-file</goal></goals>
  <configuration>
    <url>${{releases.url}}</url><repositoryId>house</repositoryId><file>notes.txt</file>
    <groupId>many</groupId><artifactId>notes</artifactId><version>{version}</version>
  </configuration>
</execution>"""


def deployer(folder: Path, numbers: Sequence[str]) -> Path:
    """A project that deploys notes.txt in those versions."""
    folder.mkdir()
    (folder / "notes.txt").write_text("read me\n")
    (folder / "pom.xml").write_text(MANY.format("".join(ONE.format(version=number) for number in numbers)))
    return folder


def test_twenty_versions_from_eight_processes(
    tmp_path: Path, there: MavenSite, make_maven: Callable[..., Maven]
) -> None:
    every = [f"1.{number}" for number in range(20)]

    def deploy(at: int) -> str:
        # metadata and its checksum are two requests, and another one's version may arrive between them
        maven = make_maven(f"home{at}")
        return maven.build(deployer(tmp_path / f"deployer{at}", every[at::8]), "validate")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(deploy, range(8)))
    assert versions(there, "many/notes", "releases") == every
    metadata = there.metadata("many/notes", "releases")
    assert (metadata.findtext("versioning/release"), metadata.findtext("versioning/latest")) == ("1.19", "1.19")
    path = "/releases/many/notes/maven-metadata.xml"
    body = there.server.get(path).body
    assert there.server.get(path + ".sha1").body.decode() == hashlib.sha1(body).hexdigest()
    assert there.server.run("fsck").returncode == 0

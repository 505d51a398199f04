"""The stock mvn command in a home of its own, the projects that it builds, and a server that it builds them through.

::

    with maven_site(tmp_path) as site:
        maven = Maven(client("mvn"), tmp_path / "home", site.server.url, site.login)     # its local repository is empty
        maven("--file", project("shop", tmp_path / "shop", version="1.1"), "deploy")
        maven.copied(customer(tmp_path / "customer", "com.example.shop:app:1.1"))        # file name → file
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.clients.engines import Tool
from tests.support.server import Server
from tests.support.upstream import ScriptedUpstream

PROJECTS = Path(__file__).parent / "projects"
_CACHE = Path(os.environ.get("MXART_CLIENT_CACHE") or Path(__file__).parent / ".cache").resolve()
TREE = _CACHE / "maven/upstream"  # by install-maven.sh
NEWER = _CACHE / "maven/newer/bin/mvn"
PLUGINS = "org.apache.maven.plugins"
DEPLOY_FILE = f"{PLUGINS}:maven-deploy-plugin:3.1.1:deploy-file"
GET = f"{PLUGINS}:maven-dependency-plugin:3.6.0:get"
JVM = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # a build is over before more compiling pays

Login = tuple[str, str]  # user, password
NOBODY: Login = ("", "")

_SETTINGS = """<settings>
  <localRepository>{local}</localRepository>
  <pluginGroups><pluginGroup>com.example.greet</pluginGroup></pluginGroups>
  <servers><server><id>house</id><username>{user}</username><password>{password}</password></server></servers>
  <mirrors><mirror><id>mxart</id><mirrorOf>*</mirrorOf><url>{url}/{mirror}</url></mirror></mirrors>
  <profiles>
    <profile>
      <id>mxart</id>
      <properties>
        <releases.url>{url}/releases</releases.url>
        <snapshots.url>{url}/snapshots</snapshots.url>
      </properties>
      <repositories><repository>{central}</repository></repositories>
      <pluginRepositories><pluginRepository>{central}</pluginRepository></pluginRepositories>
    </profile>
  </profiles>
  <activeProfiles><activeProfile>mxart</activeProfile></activeProfiles>
</settings>
"""
# Maven's own definition of this repository has no snapshots. The mirror stands before it: its URL is never asked.
_CENTRAL = "<id>central</id><url>http://central</url><snapshots><enabled>true</enabled></snapshots>"


class Maven(Tool):
    """The mvn command in a home of its own, for which one repository of a server is all there is."""

    def __init__(self, program: str, home: Path, url: str, login: Login = NOBODY, *, mirror: str = "maven") -> None:
        """``url``: of the server; ``login``: for what is deployed; ``mirror``: the repository that builds read."""
        self.local = home / "local"
        self.options = ["--batch-mode", "--quiet", "--strict-checksums", "-Dstyle.color=never"]
        home.mkdir(parents=True)
        self._settings = home / "settings.xml"
        user, password = login
        self._settings.write_text(
            _SETTINGS.format(local=self.local, user=user, password=password, url=url, mirror=mirror, central=_CENTRAL)
        )
        environment = {"HOME": str(home), "MAVEN_OPTS": f"-Duser.home={home} {JVM}", "MAVEN_SKIP_RC": "true"}
        super().__init__(program, environment, home)

    def attempt(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        settings = str(self._settings)  # in place of the machine's, too: it may have mirrors of its own
        return super().attempt(
            *self.options, "--settings", settings, "--global-settings", settings, *arguments, stdin=stdin
        )

    def seed(self) -> None:
        """True after: the local repository has what builds need from outside, as links: Maven replaces files, and never
        writes into them."""
        shutil.copytree(upstream_tree(), self.local, copy_function=os.symlink)

    def forget(self, name: str) -> None:
        """True after: the local repository has nothing below the folder ``name``."""
        shutil.rmtree(self.local / name)

    def build(self, project: Path, *goals: str) -> str:
        return self("--file", str(project), *goals)

    def copied(self, project: Path, *options: str) -> dict[str, Path]:
        """The dependencies of a project, as files under the names that they have in the repository."""
        target = project / "target/dependency"
        shutil.rmtree(target, ignore_errors=True)
        self.build(project, *options, "dependency:copy-dependencies", "-Dmdep.useBaseVersion=false")
        return {file.name: file for file in target.iterdir()}

    def deploy_file(self, url: str, file: Path, coordinates: str) -> subprocess.CompletedProcess[str]:
        """``coordinates``: GROUP:ARTIFACT:VERSION. Does not fail the test."""
        group, artifact, version = coordinates.split(":")
        named = (f"-DgroupId={group}", f"-DartifactId={artifact}", f"-Dversion={version}")
        return self.attempt(DEPLOY_FILE, f"-Durl={url}", "-DrepositoryId=house", f"-Dfile={file}", *named)


def upstream_tree() -> Path:
    """What builds need from outside, as files of a repository. Without it the test is skipped, or fails when
    MXART_REQUIRE_CLIENTS is set."""
    return _installed(TREE)


def newer_maven() -> str:
    """A mvn command from 3.9 on. Without it as `upstream_tree`."""
    return str(_installed(NEWER))


def _installed(place: Path) -> Path:
    if place.exists():
        return place
    if os.environ.get("MXART_REQUIRE_CLIENTS"):
        pytest.fail(f"there is no {place}: run tests/clients/install.sh")
    pytest.skip(f"there is no {place}: tests/clients/install.sh makes it")


# --- projects ------------------------------------------------------------------------------------------------------


def project(name: str, folder: Path, *, version: str = "1.0", greeting: str = "well met") -> Path:
    """A copy of one of the projects, at that version; ``greeting``: the content of its words.properties."""
    shutil.copytree(PROJECTS / "maven" / name, folder)
    for pom in folder.rglob("pom.xml"):
        pom.write_text(pom.read_text().replace("<version>1.0</version>", f"<version>{version}</version>"))
    for words in folder.rglob("words.properties"):
        words.write_text(f"greeting={greeting}\n")
    return folder


def customer(folder: Path, *dependencies: str, parent: str = "1.0") -> Path:
    """A project with those dependencies, each GROUP:ARTIFACT:VERSION[:CLASSIFIER]."""
    project("customer", folder, version=parent)
    pom = folder / "pom.xml"
    wanted = "".join(map(_dependency, dependencies))
    pom.write_text(
        re.sub(
            r"<dependencies>.*</dependencies>", f"<dependencies>{wanted}</dependencies>", pom.read_text(), flags=re.S
        )
    )
    return folder


def _dependency(coordinates: str) -> str:
    names = ("groupId", "artifactId", "version", "classifier")
    fields = (f"<{name}>{value}</{name}>" for name, value in zip(names, coordinates.split(":"), strict=False))
    return f"<dependency>{''.join(fields)}</dependency>"


def greeting(jar: Path) -> str:
    """What the words.properties of a jar say."""
    with zipfile.ZipFile(jar) as archive:
        return archive.read("words.properties").decode().strip().removeprefix("greeting=")


# --- a server --------------------------------------------------------------------------------------------------------


def maven_repository(name: str, kind: str, *more: str) -> str:
    """A ``[[repository]]`` table; ``more``: further lines of it."""
    lines = ["[[repository]]", f'name = "{name}"', 'format = "maven"', f'kind = "{kind}"', *more]
    return "\n".join(lines) + "\n"


@dataclass(slots=True)
class MavenSite:
    """A running server, and the upstream of its proxy ``central``."""

    server: Server
    upstream: ScriptedUpstream

    @property
    def login(self) -> Login:
        return "admin", self.server.admin_password

    def asked(self, prefix: str) -> list[str]:
        """The paths below ``prefix`` that the upstream was asked for."""
        return [seen.path for seen in self.upstream.requests if seen.path.startswith(prefix)]

    def metadata(self, path: str, repository: str = "maven") -> ElementTree.Element:
        """The maven-metadata.xml in that folder."""
        answer = self.server.get(f"/{repository}/{path}/maven-metadata.xml")
        assert answer.status == 200, answer
        return ElementTree.fromstring(answer.body)


_HOUSE = (
    maven_repository("releases", "hosted", 'version_policy = "release"')
    + maven_repository("snapshots", "hosted", 'version_policy = "snapshot"')
    + maven_repository("maven", "group", 'members = ["releases", "snapshots", "central"]')
)


@contextmanager
def maven_site(folder: Path, more: str = "") -> Iterator[MavenSite]:
    """A server with the repositories releases and snapshots, the proxy central, and maven, the group of them; ``more``:
    further tables, in which ``UPSTREAM`` stands for the URL of the upstream."""
    with ScriptedUpstream() as upstream:
        upstream.tree(upstream_tree())
        config = _HOUSE + maven_repository("central", "proxy", f'upstream = "{upstream.url}"')
        with Server(folder / "server", config + more.replace("UPSTREAM", upstream.url)) as server:
            yield MavenSite(server, upstream)

"""Builds of the stock mvn command that read through forked workers, from an upstream on loopback."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clients.mavencommand import GET, Maven, MavenSite, maven_repository, maven_site, project, upstream_tree
from tests.support.upstream import Handler

pytestmark = [pytest.mark.client, pytest.mark.timeout(180)]

WANTED = (GET, "-Dartifact=commons-cli:commons-cli:1.4")
CLI = "commons-cli/commons-cli/1.4/commons-cli-1.4.jar"
DAMAGED = "".join(
    maven_repository(f"damaged-{policy or 'default'}", "proxy", 'upstream = "UPSTREAM/damaged"', line)
    for policy, line in {"": "", "warn": 'checksum_policy = "warn"', "ignore": 'checksum_policy = "ignore"'}.items()
)


@pytest.fixture(scope="module")
def there(client: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[MavenSite]:
    client("mvn")
    with maven_site(tmp_path_factory.mktemp("maven"), DAMAGED) as there:
        there.upstream.handler = tree_with(damaged_jar())
        yield there


def tree_with(jar: bytes) -> Handler:
    """Below /damaged, the tree with that content of one jar."""

    def answer(path: str) -> tuple[int, dict[str, str], bytes] | None:
        prefix, _, rest = path.lstrip("/").partition("/")
        file = upstream_tree() / rest
        if prefix != "damaged" or not file.is_file():
            return None
        return 200, {}, jar if rest == CLI else file.read_bytes()

    return answer


def whole_jar() -> bytes:
    return (upstream_tree() / CLI).read_bytes()


def damaged_jar() -> bytes:
    """One byte is another."""
    data = bytearray(whole_jar())
    data[len(data) // 2] ^= 1
    return bytes(data)


@pytest.fixture
def make_maven(client: Callable[[str], str], tmp_path: Path, there: MavenSite) -> Callable[..., Maven]:
    def make(name: str, mirror: str = "maven") -> Maven:
        return Maven(client("mvn"), tmp_path / name, there.server.url, mirror=mirror)

    return make


def run_program(shop: Path, maven: Maven) -> str:
    jars = [shop / "core/target/core-1.0.jar", shop / "app/target/app-1.0.jar", maven.local / CLI]
    command = ["java", "-cp", ":".join(map(str, jars)), "com.example.shop.app.App"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_several_modules_from_an_empty_repository_then_without_the_upstream(
    tmp_path: Path, there: MavenSite, make_maven: Callable[..., Maven]
) -> None:
    maven, shop = make_maven("first"), project("shop", tmp_path / "shop")
    maven.build(shop, "verify")
    assert run_program(shop, maven) == "well met\n"
    assert (shop / "core/target/surefire-reports/com.example.shop.WordsTest.txt").read_text().count("Failures: 0") == 1
    assert there.asked("/" + CLI)
    assert [path for path, times in Counter(there.asked("/")).items() if times > 1] == []
    assert there.asked("/com/example/shop/core/") == []  # the reactor has it

    there.upstream.stop()
    try:
        later, again = make_maven("later"), project("shop", tmp_path / "again")
        later.build(again, "verify")
        assert run_program(again, later) == "well met\n"
    finally:
        there.upstream.start()
    assert there.server.run("fsck").returncode == 0


def test_what_is_nowhere_is_named(make_maven: Callable[..., Maven]) -> None:
    maven = make_maven("home")
    maven.seed()
    assert "Could not find artifact commons-cli:commons-cli:jar:99" in maven.refused(
        GET, "-Dartifact=commons-cli:commons-cli:99"
    )


def fetch(maven: Maven) -> subprocess.CompletedProcess[str]:
    """A jar of the proxy, under Maven's default for a wrong checksum, which is to warn."""
    maven.options.remove("--strict-checksums")
    maven.seed()
    maven.forget("commons-cli")
    return maven.attempt(*WANTED)


def test_a_damaged_file_fails_the_build_until_it_is_whole(
    there: MavenSite, make_maven: Callable[..., Maven], monkeypatch: pytest.MonkeyPatch
) -> None:
    maven = make_maven("home", "damaged-default")
    refused = fetch(maven)
    assert refused.returncode != 0
    assert "commons-cli:commons-cli:jar:1.4" in refused.stdout
    assert "502" in refused.stdout
    assert not (maven.local / CLI).exists()

    monkeypatch.setattr(there.upstream, "handler", tree_with(whole_jar()))
    maven(*WANTED)
    assert (maven.local / CLI).read_bytes() == whole_jar()


@pytest.mark.parametrize(("mirror", "warnings"), [("damaged-warn", 1), ("damaged-ignore", 0)])
def test_a_damaged_file_is_passed_on_where_the_repository_says_so(
    there: MavenSite, make_maven: Callable[..., Maven], mirror: str, warnings: int
) -> None:
    maven = make_maven("home", mirror)
    done = fetch(maven)
    assert done.returncode == 0, done.stdout
    assert (maven.local / CLI).read_bytes() == damaged_jar()
    log = [line for line in there.server.log.read_text().splitlines() if mirror in line and " warning " in line]
    assert len(log) == warnings, log

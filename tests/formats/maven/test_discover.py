"""What Maven on a machine uses: its settings files and its own built-in repository."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from mxart.formats.maven.discover import discover
from mxart.registration import Proposal

BUILT_IN = "https://central.example.org/maven2"
CORP = "https://artifacts.example.com/maven"
ORIGIN = "a mirror in settings.xml of Maven"
SUPER_POM = """<?xml version="1.0" encoding="UTF-8"?>
<project{namespace}>
  <modelVersion>4.0.0</modelVersion>
  <repositories>
    <repository><id>snapshots</id><url>https://elsewhere.example.org/</url></repository>
    <repository><id>central</id><url>{url}</url></repository>
  </repositories>
  <pluginRepositories>
    <pluginRepository><id>central</id><url>https://plugins.example.org/</url></pluginRepository>
  </pluginRepositories>
</project>
"""
NAMESPACE = ' xmlns="http://maven.apache.org/POM/4.0.0"'
MODEL = "org/apache/maven/model/pom-4.0.0.xml"
MIRROR = "<mirror><id>m</id><mirrorOf>{}</mirrorOf><url>{}</url>{}</mirror>"


class Machine:
    """A home of a user and one of Maven, whose command is found by PATH."""

    def __init__(self, root: Path) -> None:
        self.user = root / "user"
        self.maven = root / "maven"
        self.bin = root / "bin"
        for folder in (self.user / ".m2", self.maven / "bin", self.maven / "conf", self.maven / "lib", self.bin):
            folder.mkdir(parents=True)
        command = self.maven / "bin" / "mvn"
        command.write_text("#!/bin/sh\nexit 1\n")
        command.chmod(0o755)
        (self.bin / "mvn").symlink_to(command)
        self.jar(SUPER_POM.format(namespace=NAMESPACE, url=BUILT_IN))

    def jar(self, text: str, member: str = MODEL, name: str = "maven-model-builder-3.9.9.jar") -> None:
        with zipfile.ZipFile(self.maven / "lib" / name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(member, text)

    def say(self, text: str | bytes, *, user: bool = True) -> None:
        """Write a settings file."""
        file = self.user / ".m2" / "settings.xml" if user else self.maven / "conf" / "settings.xml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())

    def found(self, **environ: str) -> list[tuple[str, str]]:
        found = discover(no_command, {"PATH": str(self.bin), "HOME": str(self.user), **environ})
        assert {(each.name, each.format) for each in found} <= {("maven-central", "maven")}
        return [(each.upstream, each.origin) for each in found]

    def mirrors(self) -> list[str]:
        *found, (built_in, origin) = self.found()
        assert (built_in, origin) == (BUILT_IN, "Maven's built-in repository")
        assert {origin for _, origin in found} <= {ORIGIN}
        return [upstream for upstream, _ in found]


def no_command(command: Sequence[str]) -> str:
    raise AssertionError(f"{command} was run")


def settings(*mirrors: str, namespace: str = "") -> str:
    return f"<settings{namespace}><mirrors>{''.join(mirrors)}</mirrors></settings>"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


# --- where Maven is ----------------------------------------------------------------------------------------------


def test_the_built_in_repository_is_proposed(machine: Machine) -> None:
    (proposal,) = discover(no_command, {"PATH": str(machine.bin), "HOME": str(machine.user)})
    assert proposal == Proposal(
        name="maven-central", format="maven", upstream=BUILT_IN, origin="Maven's built-in repository"
    )


@pytest.mark.parametrize("path", ["", "/nowhere", "relative/bin"])
def test_where_no_maven_is_installed_nothing_is(machine: Machine, path: str) -> None:
    machine.say(settings(MIRROR.format("*", CORP, "")))
    assert machine.found(PATH=path) == []
    assert list(discover(no_command, {})) == []


def test_a_file_that_nobody_can_run_is_no_maven(machine: Machine) -> None:
    (machine.maven / "bin" / "mvn").chmod(0o644)
    assert machine.found() == []


def test_without_a_home_its_own_settings_count(machine: Machine) -> None:
    machine.say(settings(MIRROR.format("*", f"{CORP}/user", "")))
    machine.say(settings(MIRROR.format("*", CORP, "")), user=False)
    found = discover(no_command, {"PATH": str(machine.bin)})
    assert [each.upstream for each in found] == [CORP, BUILT_IN]
    assert [upstream for upstream, _ in machine.found(HOME="")] == [CORP, BUILT_IN]


def test_maven_may_stand_behind_a_script(machine: Machine) -> None:
    script = machine.user / "cellar" / "bin" / "mvn"
    script.parent.mkdir(parents=True)
    script.write_text("#!/bin/sh\nexit 1\n")
    script.chmod(0o755)
    assert machine.found(PATH=str(script.parent)) == []
    machine.maven.rename(script.parent.parent / "libexec")
    assert [upstream for upstream, _ in machine.found(PATH=str(script.parent))] == [BUILT_IN]


# --- mirrors -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("means", "is_meant"),
    [
        ("*", True),
        ("external:*", True),
        ("central", True),
        (" central ", True),
        ("\n  central,\n  other\n", True),
        ("other,central", True),
        ("*,!other", True),
        ("external:*, !other", True),
        ("*,!central", False),
        ("!central,*", False),
        ("external:*,\t!central", False),
        ("!central", False),
        ("!other", False),
        ("external:http:*", False),  # the built-in repository is asked by https
        ("central2", False),
        ("Central", False),
        ("other", False),
        ("c*", False),
        ("", False),
        (",", False),
    ],
)
@pytest.mark.parametrize("user", [True, False])
def test_what_a_mirror_means(machine: Machine, means: str, is_meant: bool, user: bool) -> None:
    machine.say(settings(MIRROR.format(means, CORP, "")), user=user)
    assert machine.mirrors() == ([CORP] if is_meant else [])


@pytest.mark.parametrize(
    ("url", "upstream"),
    [
        (CORP, CORP),
        (f"\n  {CORP}//\n", CORP),
        ("http://127.0.0.1:8080/maven", "http://127.0.0.1:8080/maven"),
        ("https://[::1]:8443/m", "https://[::1]:8443/m"),
        ("https://me:secret@artifacts.example.com/maven", None),
        ("https://me@artifacts.example.com/maven", None),
        ("https://${env.HOST}/maven", None),
        ("${corp.url}", None),
        ("file:///srv/maven", None),
        ("s3://bucket/maven", None),
        ("dav:https://artifacts.example.com/", None),
        ("artifacts.example.com/maven", None),
        ("https://", None),
        ("https:///maven", None),
        ("https://[broken", None),
        ("", None),
    ],
)
def test_urls_of_mirrors(machine: Machine, url: str, upstream: str | None) -> None:
    machine.say(settings(MIRROR.format("*", url, "")))
    assert machine.mirrors() == ([upstream] if upstream else [])


@pytest.mark.parametrize(("blocked", "is_proposed"), [("true", False), (" true\n", False), ("false", True), ("", True)])
def test_a_blocked_mirror_is_none(machine: Machine, blocked: str, is_proposed: bool) -> None:
    machine.say(settings(MIRROR.format("*", CORP, f"<blocked>{blocked}</blocked>")))
    assert bool(machine.mirrors()) is is_proposed


def test_the_mirror_that_maven_comes_with_is_none(machine: Machine) -> None:
    machine.say(
        settings(
            MIRROR.format("external:http:*", "http://0.0.0.0/", "<blocked>true</blocked>"),
            namespace=' xmlns="http://maven.apache.org/SETTINGS/1.2.0"',
        ),
        user=False,
    )
    assert machine.mirrors() == []


def test_the_users_come_before_the_machines(machine: Machine) -> None:
    namespace = ' xmlns="http://maven.apache.org/SETTINGS/1.0.0"'
    machine.say(settings(MIRROR.format("*", f"{CORP}/3", "")), user=False)
    machine.say(
        settings(MIRROR.format("central", f"{CORP}/1", ""), MIRROR.format("*", f"{CORP}/2", ""), namespace=namespace)
    )
    assert machine.mirrors() == [f"{CORP}/1", f"{CORP}/2", f"{CORP}/3"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no XML",
        "<settings>",
        "<settings/>",
        "<settings><mirrors><mirror/></mirrors></settings>",
        "<settings><!-- " + MIRROR.format("*", CORP, "") + " --></settings>",
        "<!DOCTYPE settings [<!ENTITY url 'https://x.example.org'>]>" + settings(MIRROR.format("*", "&url;", "")),
        "<!DOCTYPE settings>" + settings(MIRROR.format("*", CORP, "")),
        settings(MIRROR.format("*", "&undefined;", "")),
        '<?xml version="1.0" encoding="no-such"?>' + settings(MIRROR.format("*", CORP, "")),
        settings(MIRROR.format("*", CORP, "")).encode() + b"\xff",
        b"\x00" * 64,
        "<settings>" + " " * (1 << 20) + settings(MIRROR.format("*", CORP, "")) + "</settings>",
        "<a>" * 200_000,
    ],
    ids=lambda text: repr(text[:24]),
)
@pytest.mark.parametrize("user", [True, False])
def test_settings_that_say_nothing(machine: Machine, text: str | bytes, user: bool) -> None:
    machine.say(text, user=user)
    assert machine.mirrors() == []


def test_settings_in_another_encoding(machine: Machine) -> None:
    text = '<?xml version="1.0" encoding="UTF-16"?>' + settings(MIRROR.format("*", f"{CORP}/ä", ""))
    machine.say(text.encode("utf-16"))
    assert machine.mirrors() == [f"{CORP}/ä"]


def test_a_folder_is_no_settings_file(machine: Machine) -> None:
    (machine.user / ".m2" / "settings.xml").mkdir()
    assert machine.mirrors() == []


# --- the built-in repository -------------------------------------------------------------------------------------


@pytest.mark.parametrize("namespace", ["", NAMESPACE])
@pytest.mark.parametrize("url", [BUILT_IN, f" {BUILT_IN}/ "])
def test_the_super_pom_names_it(machine: Machine, namespace: str, url: str) -> None:
    machine.jar(SUPER_POM.format(namespace=namespace, url=url))
    assert machine.found() == [(BUILT_IN, "Maven's built-in repository")]


def test_it_is_looked_for_in_every_jar_of_that_name(machine: Machine) -> None:
    machine.jar("<project/>", name="maven-model-builder-3.0.jar")
    machine.jar("text", member="other.xml", name="maven-model-builder-2.0.jar")
    (machine.maven / "lib" / "maven-model-builder-1.0.jar").write_bytes(b"no zip")
    (machine.maven / "lib" / "maven-model-builder-0.9.jar").mkdir()
    assert [upstream for upstream, _ in machine.found()] == [BUILT_IN]


@pytest.mark.parametrize("url", ["file:///srv", "https://u:p@central.example.org", "${url}", ""])
def test_one_that_is_no_plain_url_is_none(machine: Machine, url: str) -> None:
    machine.jar(SUPER_POM.format(namespace="", url=url))
    assert machine.found() == []


@pytest.mark.parametrize(
    "text",
    [
        *("", "no XML", "<project/>"),
        SUPER_POM.format(namespace="", url=BUILT_IN).replace("<project>", "<!DOCTYPE project>\n<project>"),
    ],
)
def test_a_super_pom_that_names_none(machine: Machine, text: str) -> None:
    machine.jar(text)
    machine.say(settings(MIRROR.format("*", CORP, "")))
    assert machine.found() == [(CORP, ORIGIN)]


def test_a_damaged_jar_names_none(machine: Machine) -> None:
    jar = machine.maven / "lib" / "maven-model-builder-3.9.9.jar"
    data = bytearray(jar.read_bytes())
    beginning = data.index(MODEL.encode()) + len(MODEL)
    for position in range(beginning, beginning + 40):
        data[position] ^= 0xFF
    jar.write_bytes(data)
    assert machine.found() == []


def test_a_maven_without_jars_names_none(machine: Machine) -> None:
    (machine.maven / "lib" / "maven-model-builder-3.9.9.jar").unlink()
    assert machine.found() == []
    (machine.maven / "lib").rmdir()
    assert machine.found() == []

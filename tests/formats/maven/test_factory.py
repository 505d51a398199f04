from __future__ import annotations

import pytest

from mxart.errors import Unsupported
from mxart.formats import FORMATS
from mxart.formats.maven import paths
from mxart.formats.maven.settings import MavenSettings
from mxart.settings import UpstreamSettings

FACTORY = FORMATS["maven"]


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("com.example", "com.example:*"),
        ("com.example:lib", "com.example:lib"),
        ("com.example:*", "com.example:*"),
        ("com.example.*", "com.example.*"),
        ("*", "*"),
        ("com.[ab]", "com.[ab]:*"),
        ("junit", "junit:*"),
        ("", ":*"),
    ],
)
def test_globs_of_rules(text: str, pattern: str) -> None:
    assert FACTORY.pattern(text) == pattern
    assert FACTORY.pattern(pattern) == pattern


@pytest.mark.parametrize("package", ["org.acme:lib", "junit:junit", "org.acme:a.b"])
def test_a_path_of_a_package(package: str) -> None:
    assert paths.parse(FACTORY.path_of(package)).package == package


def test_a_group_takes_what_it_passes_on_to() -> None:
    own = MavenSettings()
    taker = MavenSettings(version_policy="release", redeploy="allow", keep_snapshots=3, snapshot_max_age="1 d")
    other = MavenSettings(version_policy="snapshot", checksum_policy="warn")
    assert FACTORY.combined(own, [other, taker], taker) == taker
    assert FACTORY.combined(own, [other], None) == own
    assert FACTORY.combined(own, [other, taker], None) == MavenSettings(redeploy="allow"), "what it gives may change"
    assert FACTORY.combined(own, [other, taker], other).redeploy == "allow"


def test_nothing_stands_in_for_an_upstream() -> None:
    assert FACTORY.tools == ()
    with pytest.raises(Unsupported):
        FACTORY.tool("vcs", UpstreamSettings(url="https://example.org"), MavenSettings())


def test_what_is_used_alone_is_a_mirror_and_what_is_hosted_one_more_repository() -> None:
    for kind, word in (("group", "<mirrorOf>"), ("proxy", "<mirrorOf>"), ("hosted", "<repository>")):
        assert word in "".join(FACTORY.client_lines("https://example.org/m", kind)), kind

"""The keys of Maven repositories in a configuration."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from mxart.errors import Invalid
from mxart.formats.maven.holdings import Keeping
from mxart.formats.maven.settings import MavenSettings

WORDS = [
    *(("checksum_policy", word) for word in ("fail", "warn", "ignore")),
    *(("version_policy", word) for word in ("release", "snapshot", "mixed")),
    *(("redeploy", word) for word in ("deny", "allow")),
]


def test_the_careful_ones_by_default() -> None:
    settings = MavenSettings()
    assert (settings.checksum_policy, settings.version_policy, settings.redeploy) == ("fail", "mixed", "deny")
    assert (settings.keep_snapshots, settings.snapshot_max_age, settings.max_age) == (0, "", None)
    assert settings.keeping.is_endless


@pytest.mark.parametrize(("key", "word"), WORDS)
def test_words(key: str, word: str) -> None:
    assert getattr(MavenSettings(**{key: word}), key) == word


@pytest.mark.parametrize("key", sorted({key for key, _ in WORDS}))
@pytest.mark.parametrize("word", ["", " ", "Fail", "RELEASE", "fail ", "yes", "true", "releases", "none", "deny,allow"])
def test_what_is_none_of_the_words(key: str, word: str) -> None:
    with pytest.raises(Invalid, match=f"^{key} = {word!r} is none of ") as raised:
        MavenSettings(**{key: word})
    for right in (right for other, right in WORDS if other == key):
        assert f'"{right}"' in raised.value.message


@pytest.mark.parametrize(
    ("key", "word"), [(key, word) for key in sorted({key for key, _ in WORDS}) for other, word in WORDS if other != key]
)
def test_a_word_of_one_key_is_none_of_another(key: str, word: str) -> None:
    with pytest.raises(Invalid, match=f"^{key} = "):
        MavenSettings(**{key: word})


@pytest.mark.parametrize("value", [1, True, None, ["fail"], {"fail": 1}])
def test_what_is_no_word_at_all(value: Any) -> None:
    with pytest.raises(Invalid, match=r"^redeploy = "):
        MavenSettings(redeploy=value)


@pytest.mark.parametrize(
    ("text", "seconds"), [("30d", 2_592_000.0), ("1 h 30 min", 5400.0), ("90", 90.0), ("250 ms", 0.25), ("0", 0.0)]
)
def test_ages(text: str, seconds: float) -> None:
    settings = MavenSettings(keep_snapshots=3, snapshot_max_age=text)
    assert (settings.max_age, settings.keeping) == (seconds, Keeping(3, seconds))


@pytest.mark.parametrize("text", [" ", "never", "30 days ago", "-1d", "1y", "d", "1d-", "1e9", "inf", "nan", "9" * 100])
def test_what_is_no_age(text: str) -> None:
    with pytest.raises(Invalid, match=r"^snapshot_max_age: "):
        MavenSettings(snapshot_max_age=text)


@pytest.mark.parametrize("most", [0, 1, 10_000])
def test_numbers_of_builds(most: int) -> None:
    assert MavenSettings(keep_snapshots=most).keep_snapshots == most


@pytest.mark.parametrize("most", [-1, -10_000])
def test_what_is_no_number_of_builds(most: int) -> None:
    with pytest.raises(Invalid, match=f"^keep_snapshots = {most} is no number of builds: "):
        MavenSettings(keep_snapshots=most)


def test_each_key_says_of_which_repositories_it_is() -> None:
    kinds = {each.name: each.metadata["kinds"] for each in fields(MavenSettings)}
    assert kinds.pop("checksum_policy") == ("proxy",)
    assert set(kinds.values()) == {("hosted",)}

"""The system's authorities are found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mxart.upstream.trust import system_bundle


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    system_bundle.cache_clear()
    yield
    system_bundle.cache_clear()


def test_the_environment_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    assert system_bundle() == bundle


def test_what_is_not_there_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    found = system_bundle()
    assert found is None or found.is_file()

from pathlib import Path

import pytest

from mxart.config import find


def test_the_option_wins_then_the_variable_then_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mxart.toml").touch()
    assert find(Path("a.toml"), {"MXART_CONFIG": "b.toml"}) == Path("a.toml")
    assert find(None, {"MXART_CONFIG": "b.toml"}) == Path("b.toml")  # though it is not there
    assert find(None, {"MXART_CONFIG": ""}) == Path("mxart.toml")
    assert find(None, {}) == Path("mxart.toml")


def test_without_a_file_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("mxart.config.places._USUAL_PLACES", (Path("mxart.toml"), tmp_path / "etc/mxart.toml"))
    assert find(None, {}) is None
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/mxart.toml").touch()
    assert find(None, {}) == tmp_path / "etc/mxart.toml"

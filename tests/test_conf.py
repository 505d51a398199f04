"""Every file in conf/ is a configuration that works, and conf/mxart.toml is the complete one."""

from __future__ import annotations

import shutil
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
import toml

from mxart.config import load
from mxart.formats import FORMATS
from mxart.settings import (
    AccessSettings,
    ListenerSettings,
    RepositorySettings,
    ServerSettings,
    Settings,
    StoreSettings,
    UpstreamSettings,
)
from tests.support.certs import Authority

CONF = Path(__file__).parent.parent / "conf"
FILES = sorted(CONF.glob("*.toml"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of conf/ with the files that its configurations name."""
    shutil.copytree(CONF, tmp_path / "conf")
    authority = Authority(tmp_path / "authority")
    certificate = authority.issue("go.example.org")
    shutil.copy(authority.ca_file, tmp_path / "conf" / "corporate-ca.pem")
    shutil.copy(certificate.certificate, tmp_path / "conf" / "tls.crt")
    shutil.copy(certificate.key, tmp_path / "conf" / "tls.key")
    (tmp_path / "conf" / "modules-token").write_text("abc\n")
    return tmp_path / "conf"


def read(file: Path) -> Settings:
    return load(file, FORMATS, {"MODULES_PASSWORD": "x"})


@pytest.mark.parametrize("name", [file.name for file in FILES])
def test_each_file_can_be_served(folder: Path, name: str) -> None:
    assert read(folder / name).repositories


def test_there_are_files() -> None:
    assert {"mxart.toml", "mirror.toml", "ci-cache.toml", "team.toml", "containers.toml"} <= {
        file.name for file in FILES
    }


def test_the_defaults_that_are_shown_are_the_defaults(folder: Path) -> None:
    settings = read(folder / "mxart.toml")
    assert settings.server == ServerSettings()
    assert settings.access == AccessSettings()
    assert settings.stores == {"default": StoreSettings(path=folder / "data")}
    public, git, hosted, group, hub, images, _, central, internal, _ = settings.repositories
    assert public.upstream == UpstreamSettings(url="https://go.example.com", http_proxy="")
    assert git.upstream == UpstreamSettings(url="", tool="vcs", max_connections=4)
    default = RepositorySettings(name="go", format="go", kind="proxy")
    for key in ("store", "ttl", "negative_ttl", "block", "allow"):
        assert getattr(public, key) == getattr(default, key)
    assert group.shared_names == default.shared_names
    for repository in (git, hosted):
        assert repository.options == FORMATS["go"].settings()
    docker = FORMATS["docker"].settings()
    assert hub.options.namespaces == docker.namespaces
    assert images.options.sparse_indexes == docker.sparse_indexes
    assert central.options == internal.options == FORMATS["maven"].settings()


@pytest.mark.parametrize(
    ("table", "settings"),
    [
        ("server", [ServerSettings]),
        ("listener", [ListenerSettings]),
        ("access", [AccessSettings]),
        ("store", [StoreSettings]),
        ("repository", [RepositorySettings, UpstreamSettings, *(factory.settings for factory in FORMATS.values())]),
    ],
)
@pytest.mark.parametrize("document", ["conf/mxart.toml", "docs/configuration.md"])
def test_every_key_is_shown_and_explained(table: str, settings: list[type], document: str) -> None:
    assert all(is_dataclass(each) for each in settings)
    text = (CONF.parent / document).read_text()
    keys = {field.name for each in settings for field in fields(each)} - {"options", "url", "tool"}
    shown = "{key} = " if document.endswith(".toml") else "`{key}`"
    missing = [key for key in sorted(keys) if shown.format(key=key) not in text and (table, key) != ("store", "name")]
    assert missing == []


def test_examples_in_the_documentation_are_toml() -> None:
    blocks = [
        block.partition("```")[0]
        for page in sorted((CONF.parent / "docs").rglob("*.md"))
        for block in page.read_text().split("```toml\n")[1:]
    ]
    assert len(blocks) > 5
    for block in blocks:
        assert toml.loads(block)

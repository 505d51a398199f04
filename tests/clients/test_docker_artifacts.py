"""What is no image: charts with helm, files and what refers to them with oras, against forked workers."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clients.engines import Tool
from tests.clients.registries import NOBODY, NOT_TO_A_PROXY, WRONG_PASSWORD, Site, site, upstream_gone
from tests.support.images import artifact, image, index, referrers
from tests.support.registry import Registry

pytestmark = [pytest.mark.client, pytest.mark.timeout(180)]

BUILT = Path(os.environ.get("MXART_CLIENT_CACHE") or Path(__file__).parent / ".cache") / "bin"  # by install.sh
HTTP = "--plain-http"
SBOM, REVIEW = "application/vnd.example.sbom", "application/vnd.example.review"


@pytest.fixture(scope="module")
def there(client: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    client("docker-registry")
    folder = tmp_path_factory.mktemp("artifacts")
    with Registry(folder / "upstream") as upstream, site(folder, upstream) as there:
        yield there


@pytest.fixture
def built(client: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], Tool]:
    """A client that install.sh has built, at home in the test's folder."""
    monkeypatch.setenv("PATH", str(BUILT), prepend=os.pathsep)

    def tool(name: str) -> Tool:
        home = tmp_path / f"home-{name}"
        home.mkdir()
        return Tool(client(name), {"HOME": str(home), "DOCKER_CONFIG": str(home)}, tmp_path)

    return tool


def login(tool: Tool, there: Site, *command: str) -> Tool:
    user, password = there.login
    tool(*command, HTTP, "--username", user, "--password-stdin", there.host, stdin=password)
    return tool


@pytest.fixture
def oras(built: Callable[[str], Tool], there: Site) -> Tool:
    return login(built("oras"), there, "login")


@pytest.fixture
def helm(built: Callable[[str], Tool], there: Site) -> Tool:
    return login(built("helm"), there, "registry", "login")


def discovered(oras: Tool, name: str, *options: str) -> dict[str, str]:
    """What refers to a manifest: artifact type → digest."""
    found = json.loads(oras("discover", HTTP, "--format", "json", "--depth", "1", *options, name))
    return {one["artifactType"]: one["digest"] for one in found.get("referrers") or []}


def test_files_are_pushed_and_pulled(tmp_path: Path, there: Site, oras: Tool) -> None:
    (tmp_path / "notes.txt").write_text("read me\n")
    (tmp_path / "data.bin").write_bytes(bytes(range(256)) * 4000)
    name = f"{there.host}/house/files:1"
    oras("push", HTTP, "--artifact-type", "application/vnd.example.notes", name, "notes.txt:text/plain", "data.bin")
    oras("tag", HTTP, name, "latest", "v1")
    assert oras("repo", "tags", HTTP, f"{there.host}/all/files").split() == ["1", "latest", "v1"]
    oras("pull", HTTP, "--output", "pulled", f"{there.host}/all/files:v1")
    assert (tmp_path / "pulled/notes.txt").read_text() == "read me\n"
    assert (tmp_path / "pulled/data.bin").read_bytes() == (tmp_path / "data.bin").read_bytes()
    assert "files" in oras("repo", "ls", HTTP, f"{there.host}/house/").split()
    digest = oras("resolve", HTTP, name).strip()
    oras("manifest", "delete", HTTP, "--force", f"{there.host}/house/files@{digest}")
    assert "not found" in oras.refused("pull", HTTP, name)


def test_what_refers_to_an_image_is_attached_and_discovered(tmp_path: Path, there: Site, oras: Tool) -> None:
    (tmp_path / "app.txt").write_text("the app\n")
    (tmp_path / "sbom.json").write_text("{}\n")
    name = f"{there.host}/all/attached:1"
    oras("push", HTTP, "--artifact-type", "application/vnd.example.app", name, "app.txt")
    assert discovered(oras, name) == {}
    for kind in (SBOM, REVIEW):
        oras("attach", HTTP, "--artifact-type", kind, name, "sbom.json:application/json")
    found = discovered(oras, name)
    assert set(found) == {SBOM, REVIEW}
    assert discovered(oras, f"{there.host}/house/attached:1") == found
    assert discovered(oras, name, "--artifact-type", SBOM) == {SBOM: found[SBOM]}
    assert oras("repo", "tags", HTTP, f"{there.host}/house/attached").split() == ["1"]  # by the API, not by a tag
    oras("pull", HTTP, "--output", "pulled", f"{there.host}/all/attached@{found[SBOM]}")
    assert (tmp_path / "pulled/sbom.json").read_text() == "{}\n"

    copy = f"{there.host}/house/copied:1"
    oras("cp", "--from-plain-http", "--to-plain-http", "--recursive", name, copy)
    assert discovered(oras, copy) == found
    oras("manifest", "delete", HTTP, "--force", f"{there.host}/house/copied@{found[REVIEW]}")
    assert set(discovered(oras, copy)) == {SBOM}
    assert set(discovered(oras, name)) == {SBOM, REVIEW}


def test_what_refers_to_an_image_of_an_upstream(there: Site, oras: Tool) -> None:
    """Debian's registry has no API for it: there it is kept under a tag."""
    subject = index(image("about"))
    sbom = artifact(SBOM, b"{}", subject)
    there.upstream.put("team/about", "1", subject)
    there.upstream.put("team/about", subject.digest.replace(":", "-"), referrers(sbom))
    for repository in ("hub", "all"):
        name = f"{there.host}/{repository}/team/about@{subject.digest}"
        assert discovered(oras, name) == {SBOM: sbom.digest}
        assert discovered(oras, name, "--artifact-type", REVIEW) == {}
    assert oras("resolve", HTTP, f"{there.host}/hub/team/about:1").strip() == subject.digest
    with upstream_gone(there):
        assert discovered(oras, f"{there.host}/hub/team/about:1") == {SBOM: sbom.digest}


def chart(helm: Tool, folder: Path, version: str) -> str:
    """The file of a packaged chart."""
    (folder / "chart/templates").mkdir(parents=True, exist_ok=True)
    (folder / "chart/Chart.yaml").write_text(f"apiVersion: v2\nname: greeter\nversion: {version}\n")
    (folder / "chart/templates/map.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: greeter\ndata:\n  word: {{ .Values.word | quote }}\n"
    )
    (folder / "chart/values.yaml").write_text("word: well met\n")
    helm("package", "chart")
    return f"greeter-{version}.tgz"


def test_a_chart_is_pushed_pulled_and_rendered(tmp_path: Path, there: Site, helm: Tool) -> None:
    for version in ("1.2.0", "1.3.0+build.5"):
        helm("push", HTTP, chart(helm, tmp_path, version), f"oci://{there.host}/all/charts")
    for repository in ("house", "all"):
        url = f"oci://{there.host}/{repository}/charts/greeter"
        assert "version: 1.3.0+build.5" in helm("show", "chart", HTTP, url)
        assert "version: 1.2.0" in helm("show", "chart", HTTP, url, "--version", "~1.2")
        assert 'word: "well met"' in helm("template", HTTP, "greeting", url, "--version", "1.2.0")
    helm("pull", HTTP, f"oci://{there.host}/house/charts/greeter", "--version", "1.2.0", "--destination", "home-helm")
    assert (tmp_path / "home-helm/greeter-1.2.0.tgz").read_bytes() == (tmp_path / "greeter-1.2.0.tgz").read_bytes()
    said = helm.refused("pull", HTTP, f"oci://{there.host}/house/charts/greeter", "--version", "9.9.9")
    assert "not found" in said


def test_a_chart_of_an_upstream(tmp_path: Path, there: Site, helm: Tool) -> None:
    helm("push", HTTP, chart(helm, tmp_path, "2.0.0"), f"oci://127.0.0.1:{there.upstream.port}/charts")
    url = f"oci://{there.host}/hub/charts/greeter"
    assert "version: 2.0.0" in helm("show", "chart", HTTP, url)
    with upstream_gone(there):
        assert 'word: "well met"' in helm("template", HTTP, "greeting", url, "--version", "2.0.0")
    assert NOT_TO_A_PROXY in helm.refused("push", HTTP, "greeter-2.0.0.tgz", f"oci://{there.host}/hub/charts")


def test_over_tls(tmp_path: Path, there: Site, oras: Tool, helm: Tool) -> None:
    ca = ("--ca-file", str(there.ca))
    user, password = there.login
    name = f"{there.secure_address}/house/sealed:1"
    (tmp_path / "notes.txt").write_text("sealed\n")
    creds = ("--username", user, "--password-stdin")
    oras("push", *ca, *creds, name, "notes.txt", stdin=password)
    oras("pull", *ca, "--output", "pulled", name)
    assert (tmp_path / "pulled/notes.txt").read_text() == "sealed\n"
    assert "certificate" in oras.refused("pull", "--output", "pulled", name)
    helm("registry", "login", *ca, *creds, there.secure_address, stdin=password)
    helm("push", *ca, chart(helm, tmp_path, "3.0.0"), f"oci://{there.secure_address}/house/sealed")
    assert "version: 3.0.0" in helm("show", "chart", *ca, f"oci://{there.secure_address}/house/sealed/greeter")


def test_what_the_user_reads(tmp_path: Path, there: Site, built: Callable[[str], Tool]) -> None:
    oras, helm = built("oras"), built("helm")
    (tmp_path / "notes.txt").write_text("read me\n")
    assert NOBODY in oras.refused("push", HTTP, f"{there.host}/house/notes:1", "notes.txt")
    assert "not found" in oras.refused("pull", HTTP, f"{there.host}/house/nothing:1")
    wrong = ("--username", "admin", "--password-stdin", there.host)
    assert WRONG_PASSWORD in oras.refused("login", HTTP, *wrong, stdin="wrong")
    assert WRONG_PASSWORD in helm.refused("registry", "login", HTTP, *wrong, stdin="wrong")

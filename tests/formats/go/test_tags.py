from __future__ import annotations

import pytest

from mxart.errors import Invalid
from mxart.formats.go.tags import check_version, tagged_version

M = "example.com/m"
TAGGED = [
    # tags, folder, module, has a go.mod, version
    (["v1.2.3"], "", M, True, "v1.2.3"),
    (["v1.9.0", "v1.10.0", "v1.10.0-rc.1"], "", M, True, "v1.10.0"),
    (["v0.1.0-beta"], "", M, True, "v0.1.0-beta"),
    (["release", "1.2.3", "v1", "v1.2", "v1.2.3.4", "v01.2.3", "V1.2.3"], "", M, True, ""),
    (["v1.2.3+build"], "", M, True, ""),
    ([], "", M, True, ""),
    (["v2.0.0"], "", M, True, ""),
    (["v2.0.0", "v1.0.0"], "", M, True, "v1.0.0"),
    (["v2.0.0", "v1.0.0"], "", M, False, "v2.0.0+incompatible"),
    (["v2.0.0+incompatible"], "", M, False, ""),
    (["v2.0.0", "v1.5.0"], "", f"{M}/v2", True, "v2.0.0"),
    (["v3.0.0", "v1.5.0"], "", f"{M}/v2", False, ""),
    (["v2.1.0"], "v2", f"{M}/v2", True, "v2.1.0"),
    (["sub/v2.1.0", "v2.2.0"], "sub/v2", f"{M}/sub/v2", True, "v2.1.0"),
    (["sub/v2.1.0", "v2.2.0"], "sub", f"{M}/sub/v2", True, "v2.1.0"),
    (["v1.0.0", "sub/v1.1.0", "sub/deep/v1.2.0"], "sub", f"{M}/sub", True, "v1.1.0"),
    (["v1.0.0", "sub/v1.1.0", "sub/deep/v1.2.0"], "sub/deep", f"{M}/sub/deep", True, "v1.2.0"),
    (["v1.0.0"], "sub", f"{M}/sub", True, ""),
    (["sub/v1.0.0"], "", M, True, ""),
    (["v3.1.0", "v2.0.0"], "", "gopkg.in/yaml.v3", True, "v3.1.0"),
    (["v0.0.0-20240506070809-0123456789ab"], "", M, True, ""),
    (["v1.2.4-0.20240506070809-0123456789ab", "v1.2.3"], "", M, True, "v1.2.3"),
]


@pytest.mark.parametrize(("tags", "below", "module", "has_gomod", "version"), TAGGED, ids=range(len(TAGGED)))
def test_the_version_that_tags_name(tags: list[str], below: str, module: str, has_gomod: bool, version: str) -> None:
    assert tagged_version(tags, below, module, has_gomod=has_gomod) == version
    assert tagged_version(reversed(tags), below, module, has_gomod=has_gomod) == version


GOOD = [
    (M, "v1.2.3", True),
    (M, "v0.0.0-20240506070809-0123456789ab", True),
    (M, "v2.0.0+incompatible", False),
    (f"{M}/v2", "v2.0.0-rc.1", True),
    ("gopkg.in/yaml.v3", "v3.0.1", True),
]
BAD = [
    (M, "1.2.3", True, "'1.2.3' is not canonical"),
    (M, "v1.2", True, "'v1.2' is not canonical"),
    (M, "main", True, "not canonical"),
    (M, "", True, "not canonical"),
    (M, "v1.2.3+meta", True, "not canonical"),
    (M, "../v1.2.3", True, "not canonical"),
    (M, "v1.0.0-" + "a" * 300, True, "is longer than"),
    (M, "v2.0.0", True, "should be v0 or v1, not v2"),
    (f"{M}/v2", "v3.0.0", True, "should be v2, not v3"),
    (M, "v2.0.0+incompatible", True, "without a go.mod"),
    ("nodot", "v1.0.0", True, "has no dot"),
    ("example.com/../m", "v1.0.0", True, "malformed"),
    ("", "v1.0.0", True, "malformed"),
]


@pytest.mark.parametrize(("module", "version", "has_gomod"), GOOD)
def test_versions_that_a_module_may_have(module: str, version: str, has_gomod: bool) -> None:
    check_version(module, version, has_gomod)


@pytest.mark.parametrize(("module", "version", "has_gomod", "said"), BAD)
def test_versions_that_it_may_not_have(module: str, version: str, has_gomod: bool, said: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_version(module, version, has_gomod)
    assert said in caught.value.message
    assert caught.value.message.endswith(".")

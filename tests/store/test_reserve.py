from __future__ import annotations

from pathlib import Path

from mxart.store import reserve
from mxart.store.layout import reserve_path
from tests.support.disk import file_limit


def test_it_is_kept_once_and_given_up_once(tmp_path: Path) -> None:
    reserve.keep(tmp_path)
    file = reserve_path(tmp_path)
    assert file.stat().st_blocks * 512 >= reserve.SIZE  # not only a length
    inode = file.stat().st_ino
    reserve.keep(tmp_path)
    assert file.stat().st_ino == inode
    assert reserve.give_up(tmp_path)
    assert not file.exists()
    assert not reserve.give_up(tmp_path)


def test_where_there_is_no_room_there_is_no_reserve(tmp_path: Path) -> None:
    with file_limit() as limit:
        limit(reserve.SIZE // 2)
        reserve.keep(tmp_path)
    assert list(tmp_path.iterdir()) == []

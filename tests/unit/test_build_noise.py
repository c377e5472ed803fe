"""What RUN leaves behind by chance is taken out; all else stays."""

import importlib.util
import os
import py_compile
from pathlib import Path

from sealift.build.noise import normalise

EPOCH = 1_700_000_000
DAY = 20_000


def test_listed_files_go_and_others_stay(tmp_path: Path) -> None:
    for name in (
        "var/log/dpkg.log",
        "var/log/apt/history.log",
        "etc/passwd-",
        "var/log/app.log",
        "etc/passwd",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    normalise(tmp_path, EPOCH, DAY)
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["etc/passwd", "var/log/app.log"]


def test_a_link_with_a_listed_name_is_left_alone(tmp_path: Path) -> None:
    sentinel = tmp_path / "sentinel"
    sentinel.write_text("outside")
    upper = tmp_path / "upper"
    (upper / "etc").mkdir(parents=True)
    (upper / "etc/shadow").symlink_to(sentinel)
    normalise(upper, EPOCH, DAY)
    assert sentinel.read_text() == "outside"
    assert (upper / "etc/shadow").is_symlink()


def test_accounts_made_today_carry_the_builds_day(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    shadow = tmp_path / "etc/shadow"
    shadow.write_text(f"root:*:19000:0:99999:7:::\napp:!:{DAY}:0:99999:7:::\n")
    normalise(tmp_path, EPOCH, DAY)
    assert shadow.read_text() == f"root:*:19000:0:99999:7:::\napp:!:{EPOCH // 86400}:0:99999:7:::\n"


def test_bytecode_stays_valid_when_its_source_is_given_the_builds_time(tmp_path: Path) -> None:
    source = tmp_path / "module.py"
    source.write_text("x = 1\n")
    os.utime(source, (EPOCH + 500, EPOCH + 500))
    compiled = Path(
        py_compile.compile(str(source), invalidation_mode=py_compile.PycInvalidationMode.TIMESTAMP) or ""
    )
    normalise(tmp_path, EPOCH, DAY)
    assert int.from_bytes(compiled.read_bytes()[8:12], "little") == EPOCH
    assert compiled.read_bytes()[:4] == importlib.util.MAGIC_NUMBER


def test_hash_checked_bytecode_is_left_alone(tmp_path: Path) -> None:
    source = tmp_path / "module.py"
    source.write_text("x = 1\n")
    compiled = Path(
        py_compile.compile(str(source), invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH) or ""
    )
    before = compiled.read_bytes()
    normalise(tmp_path, EPOCH, DAY)
    assert compiled.read_bytes() == before

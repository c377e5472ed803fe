"""Accounts, limits, capabilities and keys: what users and images say of them, and what is refused."""

import os
from pathlib import Path

import pytest

from sealift.core.errors import Denied, Invalid
from sealift.runtime import User, capabilities, failures, inside, limits, users
from sealift.runtime.terminal import DetachKeys, parse_keys


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/passwd").write_text(
        "root:x:0:0:root:/root:/bin/sh\nbroken\napp:x:1000:1001::/home/app:/bin/sh\n"
        "huge:x:99999999999:0::/:\n7:x:8:9::/seven:\nneg:x:-1:-1::/:\n"
    )
    (root / "etc/group").write_text(
        "root:x:0:\nvideo:x:44:app,other\nwheel:x:10:root\nbad:x:y:\n\xff\n", "latin-1"
    )
    return root


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("", User(0, 0, (10,), "root", "/root")),
        ("app", User(1000, 1001, (44,), "app", "/home/app")),
        ("1000", User(1000, 1001, (44,), "app", "/home/app")),
        ("app:video", User(1000, 44, (), "app", "/home/app")),
        ("app:77", User(1000, 77, (), "app", "/home/app")),
        ("5000", User(5000, 0, (), "", "/")),
        ("7", User(8, 9, (), "7", "/seven")),
    ],
)
def test_users_are_looked_up_as_docker_does(tree: Path, text: str, user: User) -> None:
    assert users.lookup(tree, text) == user


@pytest.mark.parametrize("text", ["nobody", "app:nogroup", "huge", "neg", "2147483648", "-1", "broken"])
def test_unknown_users_are_refused(tree: Path, text: str) -> None:
    with pytest.raises(Invalid):
        users.lookup(tree, text)


def test_missing_accounts_are_no_obstacle_for_numbers(tmp_path: Path) -> None:
    assert users.lookup(tmp_path, "5:6") == User(5, 6, (), "", "/")
    assert users.lookup(tmp_path, "") == User(0, 0, (), "", "/")


def test_reading_stays_inside(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("canary")
    for number, target in enumerate(
        (str(tmp_path / "secret"), "../../secret", "/../secret", "/proc/self/root")
    ):
        (tree / f"link{number}").symlink_to(target)
        assert inside.read_inside(tree, f"/link{number}", 100) is None
    (tree / "ok").symlink_to("/etc/group")
    assert (inside.read_inside(tree, "/ok", 1000) or b"").startswith(b"root")
    with pytest.raises(Invalid, match="not a regular file"):
        inside.read_inside(tree, "/etc", 100)
    os.mkfifo(tree / "pipe")
    with pytest.raises(Invalid, match="not a regular file"):
        inside.read_inside(tree, "/pipe", 100)
    with pytest.raises(Invalid, match="more than"):
        inside.read_inside(tree, "/etc/passwd", 10)


def test_paths_are_resolved_as_the_container_would(tree: Path) -> None:
    (tree / "abs").symlink_to("/etc")
    (tree / "rel").symlink_to("../../abs")
    (tree / "loop").symlink_to("loop")
    assert inside.resolve_inside(tree, "/rel/x/../y/./z") == "/etc/y/z"
    assert inside.resolve_inside(tree, "/../../..") == "/"
    with pytest.raises(Invalid, match="too many"):
        inside.resolve_inside(tree, "/loop/x")


def test_32_bit_programs_are_recognised(tree: Path) -> None:
    assert not inside.has_foreign_programs(tree, "/etc/passwd")
    assert not inside.has_foreign_programs(tree, "/etc")
    (tree / "old").write_bytes(b"\x7fELF\x01rest")
    (tree / "new").write_bytes(b"\x7fELF\x02rest")
    assert inside.has_foreign_programs(tree, "/old")
    assert not inside.has_foreign_programs(tree, "/new")
    (tree / "lib").mkdir()
    (tree / "lib/ld-linux.so.2").symlink_to("/nowhere")
    assert inside.has_foreign_programs(tree, "sh")


def test_capabilities_are_chosen_as_docker_does() -> None:
    everything = frozenset(capabilities.ALL)
    assert capabilities.choose(have=everything) == capabilities.DEFAULT
    assert len(capabilities.DEFAULT) == 11
    assert "CAP_NET_RAW" in capabilities.choose(["net_raw"], have=everything)
    assert capabilities.choose(["CAP_KILL"], ["all"], have=everything) == ("CAP_KILL",)
    assert capabilities.choose(["ALL"], ["KILL"], have=everything) == tuple(
        name for name in capabilities.ALL if name != "CAP_KILL"
    )
    assert capabilities.choose(privileged=True, have=frozenset({"CAP_KILL"})) == ("CAP_KILL",)
    with pytest.raises(Denied, match="CAP_SYS_ADMIN"):
        capabilities.choose(["SYS_ADMIN"], have=frozenset())
    with pytest.raises(Invalid, match="unknown capability"):
        capabilities.choose(["NOPE"], have=everything)


@pytest.mark.parametrize(
    "text", ["nofile", "nofile=", "x=1", "nofile=a", "nofile=2:1", "nofile=1:2:3", "nofile=-2"]
)
def test_bad_ulimits(text: str) -> None:
    with pytest.raises(Invalid, match="invalid ulimit"):
        limits.parse(text)


def test_ulimits_and_the_default_for_files() -> None:
    assert limits.parse("nofile=1024:2048") == ("nofile", 1024, 2048)
    assert limits.parse("core=-1") == ("core", -1, -1)
    assert limits.to_json((), {"nofile": 4096}, False) == [
        {"type": "RLIMIT_NOFILE", "soft": 4096, "hard": 4096}
    ]
    assert limits.to_json((), {"nofile": 4096}, True) == [
        {"type": "RLIMIT_NOFILE", "soft": limits.DEFAULT_NOFILE, "hard": limits.DEFAULT_NOFILE}
    ]


def test_detach_keys_are_found_across_reads() -> None:
    keys = DetachKeys(parse_keys("ctrl-p,ctrl-q"))
    assert keys.feed(b"ab") == (b"ab", False)
    assert keys.feed(b"c\x10") == (b"c", False)
    assert keys.feed(b"d") == (b"\x10d", False)
    assert keys.feed(b"x\x10") == (b"x", False)
    assert keys.feed(b"\x11rest") == (b"", True)
    assert DetachKeys(b"").feed(b"\x10\x11") == (b"\x10\x11", False)
    assert parse_keys("a,ctrl-@,ctrl-_") == b"a\x00\x1f"
    for text in ("ctrl-", "ab", "ctrl-1", "ä", ","):
        with pytest.raises(Invalid):
            parse_keys(text)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ('exec: "nope": executable file not found in $PATH', 127),
        ('exec: "/x": stat /x: no such file or directory', 127),
        ('exec: "/etc": permission denied', 126),
        ('exec: "/bin/x": exec format error', 126),
        ("cgroup is full", 125),
        ("", 125),
    ],
)
def test_failures_have_dockers_codes(message: str, code: int) -> None:
    log = f'{{"level":"info","msg":"x"}}\n{{"level":"error","msg":{message!r}}}\n'.replace("'", '"')
    for text in (message, log if '"' not in message else message):
        assert failures.start_failure(text).exit_code == code

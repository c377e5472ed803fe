"""`--chown` and `--chmod`."""

import pytest

from sealift.build import owner
from sealift.core.errors import Invalid

FILES = {
    "etc/passwd": b"root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\nbroken\n",
    "etc/group": b"root:x:0:\nstaff:x:50:app\n",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("app", (1000, 1001)), ("app:staff", (1000, 50)), ("7", (7, 7)), ("7:8", (7, 8)),
     ("1000:staff", (1000, 50)), ("root", (0, 0)), ("app:", (1000, 1001))],
)  # fmt: skip
def test_owner_is_found(text: str, expected: tuple[int, int]) -> None:
    assert owner.find_owner(text, FILES.get) == expected


@pytest.mark.parametrize("text", ["nobody", "app:nogroup", "4294967296", "0:4294967297", "²"])
def test_owner_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        owner.find_owner(text, FILES.get)


def test_numbers_need_no_passwd() -> None:
    assert owner.find_owner("5:6", lambda _path: None) == (5, 6)


@pytest.mark.parametrize(
    ("text", "mode", "expected"),
    [("755", 0o600, 0o755), ("0644", 0o777, 0o644), ("4755", 0, 0o4755), ("u+x", 0o644, 0o744),
     ("go-w", 0o666, 0o644), ("a=r", 0o777, 0o444), ("u=rwx,go=rx", 0, 0o755), ("+x", 0o644, 0o755),
     ("u+s", 0o755, 0o4755), ("o=", 0o777, 0o770), ("g=u", 0o640, 0o660), ("a+X", 0o644, 0o644),
     ("a+X", 0o744, 0o755), ("+t", 0o755, 0o1755)],
)  # fmt: skip
def test_mode_is_changed(text: str, mode: int, expected: int) -> None:
    assert owner.change_mode(text, mode, directory=False) == expected


def test_capital_x_gives_directories_execute() -> None:
    assert owner.change_mode("a=rX", 0o600, directory=True) == 0o555
    assert owner.change_mode("a=rX", 0o600, directory=False) == 0o444


@pytest.mark.parametrize("text", ["", "8", "77777", "u+z", "rwx", "u", "-1", "0o755"])
def test_bad_mode_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="invalid --chmod"):
        owner.check_mode(text)

"""Containers' output: kept, found again, followed, rotated."""

import itertools
import threading
import time

import pytest

from fixtures_container import Box
from sealift.container import LogOptions
from sealift.core.errors import Invalid

pytestmark = pytest.mark.root


def test_log_keeps_streams_and_times(box: Box) -> None:
    begun = time.time_ns()
    box.foreground(box.sh("echo out; sleep 0.1; echo err >&2", name="one"))
    lines = list(box.containers.logs("one"))
    assert [(line.stream, line.data) for line in lines] == [(1, b"out\n"), (2, b"err\n")]
    assert begun < lines[0].time < lines[1].time < time.time_ns()
    assert box.log("one", stderr=False) == b"out\n"
    assert box.log("one", stdout=False) == b"err\n"


def test_log_is_cut_by_count_and_time(box: Box) -> None:
    box.foreground(box.sh("for n in 1 2 3; do echo $n; echo e$n >&2; sleep 0.05; done", name="one"))
    lines = list(box.containers.logs("one"))
    assert box.log("one", tail=2) == b"3\ne3\n"
    assert box.log("one", tail=0) == b""
    assert box.log("one", tail=2, stderr=False) == b"2\n3\n"
    middle = lines[2].time
    assert box.log("one", since=middle, stderr=False) == b"2\n3\n"
    assert box.log("one", until=middle, stderr=False) == b"1\n2\n"
    assert box.log("one", until=middle, tail=1, stderr=False) == b"2\n"


def test_log_has_long_lines_and_any_bytes(box: Box) -> None:
    run = box.foreground(box.sh("head -c 30000 /dev/zero; printf '\\377\\001\\n\\n'; echo end", name="one"))
    assert box.log("one") == run.out == b"\0" * 30000 + b"\377\001\n\nend\n"


def test_followed_log_ends_with_the_container(box: Box) -> None:
    box.containers.run(box.sh("for n in 1 2 3; do echo $n; sleep 0.2; done", name="one"))
    seen = [(time.monotonic(), line.data) for line in box.containers.logs("one", follow=True)]
    assert [data for _, data in seen] == [b"1\n", b"2\n", b"3\n"]
    assert seen[2][0] - seen[0][0] > 0.2


def test_followed_log_ends_when_the_container_is_removed(box: Box) -> None:
    box.containers.run(box.sh("echo up; sleep 1000", name="one"))
    followed = box.containers.logs("one", follow=True)
    assert next(followed).data == b"up\n"
    threading.Timer(0.2, lambda: box.containers.remove("one", force=True)).start()
    assert list(followed) == []
    box.until(lambda: box.status("one") == "gone", "removed")


def test_container_may_keep_no_log(box: Box) -> None:
    box.foreground(box.sh("echo x", name="one", log=LogOptions("none")))
    with pytest.raises(Invalid, match="keeps no log"):
        box.containers.logs("one")


def test_rotation_keeps_to_its_size_and_loses_nothing_to_a_follower(box: Box) -> None:
    line = "n=0; while [ $n -lt 6000 ]; do echo line $n; n=$((n+1)); [ ${n%00} = $n ] || sleep 0.05; done"
    box.containers.run(box.sh(line, name="one", log=LogOptions(max_size=50_000, max_files=4)))
    seen = b"".join(line.data for line in box.containers.logs("one", follow=True))
    numbers = [int(data.split()[1]) for data in seen.splitlines()]
    assert numbers == list(range(6000))
    bundle = box.parts.registry.bundle(box.containers.find("one").id)
    files = sorted(path.name for path in bundle.glob("ctr.log*"))
    assert 2 <= len(files) <= 4
    kept = [int(data.split()[1]) for data in box.log("one").splitlines()[1:]]
    assert kept[-1] == 5999
    assert all(one + 1 == other for one, other in itertools.pairwise(kept))


def test_lines_from_rotated_files_are_counted(box: Box) -> None:
    line = "n=0; while [ $n -lt 300 ]; do echo $n; n=$((n+1)); sleep 0.005; done; sleep 0.5"
    box.foreground(box.sh(line, name="one", log=LogOptions(max_size=4_000, max_files=3)))
    bundle = box.parts.registry.bundle(box.containers.find("one").id)
    assert (bundle / "ctr.log.1").exists()
    wanted = "".join(f"{number}\n" for number in range(270, 300)).encode()
    assert box.log("one", tail=30) == wanted

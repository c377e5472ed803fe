"""The files of a container that say who it is and whom to ask for names."""

from pathlib import Path

import pytest

from sealift.network import Resolver, files, hosts, outside_resolver
from sealift.network.files import parse_resolver

TEXT = """# made by hand
; and this
domain old.example
search corp.example lab.example
nameserver 127.0.0.53
nameserver 10.0.0.53
nameserver ::1
nameserver
options edns0 timeout:2
options rotate
"""


def test_resolv_conf_is_read_and_written() -> None:
    resolver = parse_resolver(TEXT)
    assert resolver == Resolver(
        servers=("127.0.0.53", "10.0.0.53", "::1"),
        search=("corp.example", "lab.example"),
        options=("edns0", "timeout:2", "rotate"),
    )
    assert parse_resolver(str(resolver)) == resolver
    assert str(Resolver()) == ""


def test_servers_on_the_hosts_loopback_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, behind = tmp_path / "resolv.conf", tmp_path / "behind"
    monkeypatch.setattr(files, "HOST_RESOLV_CONF", mine)
    monkeypatch.setattr(files, "_BEHIND_STUB", behind)
    mine.write_text(TEXT)
    behind.write_text("nameserver 192.0.2.1\n")
    assert outside_resolver().servers == ("10.0.0.53",)
    mine.write_text("nameserver 127.0.0.53\nsearch corp.example\n")
    assert outside_resolver() == Resolver(("192.0.2.1",), ("corp.example",))
    behind.unlink()
    assert outside_resolver().servers == ()
    mine.unlink()
    assert outside_resolver() == Resolver()


def test_hosts_has_the_loopback_and_the_container() -> None:
    text = hosts([("10.0.0.2", ("box", "web")), ("10.0.0.3", ())])
    assert text.splitlines()[:2] == ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback"]
    assert text.endswith("10.0.0.2\tbox web\n")
    assert "127.0.0.1\tlocalhost" in hosts()

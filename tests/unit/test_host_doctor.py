"""The doctor's findings, on this host and on ones that lack something."""

from pathlib import Path

import pytest

from sealift.archive import Entry
from sealift.host import doctor, probes
from sealift.host.doctor import Finding, Program
from sealift.snapshot import erofs, tree


def test_everything_is_looked_at_and_what_is_wrong_has_a_detail(tmp_path: Path) -> None:
    findings = doctor.examine(tmp_path)
    names = [finding.name for finding in findings]
    assert {"kernel", "cgroups", "runtime", "overlay", "erofs", "nftables", "tun", "gpu"} <= set(names)
    assert len(names) == len(set(names))
    assert all(finding.detail for finding in findings)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_program_is_named_with_the_command_that_installs_it() -> None:
    found = doctor.program(Program(("no-such-program", "nor-this"), "does a thing", "the-package"))
    assert (found.ok, found.name) == (False, "no-such-program or nor-this")
    assert found.fix.endswith("apt-get install the-package")
    assert "does a thing" in found.detail


def test_one_command_gets_all_missing_packages() -> None:
    findings = [
        Finding("a", False, "missing", doctor.install("one")),
        Finding("b", False, "wrong", "sysctl -w x=1"),
        Finding("c", False, "missing", doctor.install("two")),
        Finding("d", False, "missing", doctor.install("one")),
    ]
    assert doctor.missing_packages(findings) == doctor.install("one", "two")
    assert doctor.missing_packages([]) == ""


def test_a_gpu_without_specification_says_how_to_make_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "spec").mkdir()
    monkeypatch.setattr(doctor, "CDI_DIRECTORIES", (tmp_path / "spec",))
    monkeypatch.setattr(doctor, "DEVICES", tmp_path)
    assert doctor.gpu().detail == "none here"
    (tmp_path / "nvidia0").touch()
    (tmp_path / "nvidiactl").touch()
    assert doctor.gpu().fix.startswith("nvidia-ctk cdi generate")
    (tmp_path / "spec/nvidia.yaml").touch()
    assert doctor.gpu().ok
    assert str(tmp_path / "nvidia0") in doctor.gpu().detail


@pytest.mark.root
def test_what_can_be_mounted_is_remembered_until_the_next_boot(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = probes.abilities(tmp_path)
    assert found == probes.probe(tmp_path)
    cache = tmp_path / probes.CACHE
    cache.write_text(cache.read_text().replace('"files"', '"loops"'))
    assert probes.abilities(tmp_path).erofs == "loops"
    monkeypatch.setattr(probes, "boot_id", lambda: "another")
    assert probes.abilities(tmp_path) == found
    cache.write_text("damaged")
    (tmp_path / ".tmp-probe/upperdir").mkdir(parents=True)  # one was killed before
    assert probes.abilities(tmp_path) == found
    assert [path.name for path in tmp_path.iterdir()] == [probes.CACHE]


def test_the_probe_is_what_our_own_writer_makes() -> None:
    entries = [Entry("", "dir", 0o755, 0, 0, 0), Entry("probe", "file", 0o444, 0, 0, 0, size=8)]
    root = tree.layer_tree(entries, 0)
    device = erofs.Device(b"", len(probes.TINY_TAR))
    made = b"".join(erofs.write(root, [device], b"", bytes(16), lambda *_: b""))
    assert probes.tiny_index() == made

"""From docker's seccomp profiles to the runtime's."""

import json
from pathlib import Path

import pytest

from sealift.core.document import Node
from sealift.core.errors import Invalid
from sealift.runtime import seccomp
from sealift.runtime.seccomp import Machine

PROFILE = Path(__file__).parents[1] / "golden" / "seccomp-small.json"
AMD64 = Machine("x86_64", (6, 1), foreign=False)


def translated(capabilities: frozenset[str] = frozenset(), machine: Machine = AMD64) -> dict[str, object]:
    made = seccomp.load(str(PROFILE), capabilities, machine)
    assert isinstance(made, dict)
    return made  # type: ignore[return-value]


def names(profile: dict[str, object], action: str = "SCMP_ACT_ALLOW") -> set[str]:
    rules = profile["syscalls"]
    assert isinstance(rules, list)
    return {name for rule in rules if rule["action"] == action for name in rule["names"]}


def test_conditions_on_capabilities_are_decided() -> None:
    assert "mount" not in names(translated())
    assert "mount" in names(translated(), "SCMP_ACT_ERRNO")
    assert "mount" in names(translated(frozenset({"CAP_SYS_ADMIN"})))


def test_conditions_on_kernel_and_architecture_are_decided() -> None:
    assert {"ptrace", "arch_prctl"} <= names(translated())
    assert "ptrace" not in names(translated(machine=AMD64._replace(kernel=(4, 7))))
    arm = translated(machine=Machine("aarch64", (6, 1), foreign=True))
    assert "arm_fadvise64_64" in names(arm)
    assert "arch_prctl" not in names(arm)
    assert arm["architectures"] == ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]


def test_older_abis_only_where_the_image_has_programs_for_them() -> None:
    assert translated()["architectures"] == ["SCMP_ARCH_X86_64"]
    assert translated(machine=AMD64._replace(foreign=True))["architectures"] == [
        "SCMP_ARCH_X86_64",
        "SCMP_ARCH_X86",
    ]


def test_arguments_and_return_values_are_kept() -> None:
    rules = translated()["syscalls"]
    assert isinstance(rules, list)
    (personality,) = [rule for rule in rules if rule["names"] == ["personality"]]
    assert personality["args"] == [{"index": 0, "value": 8, "valueTwo": 0, "op": "SCMP_CMP_EQ"}]
    (mount,) = [rule for rule in rules if rule["names"] == ["mount"]]
    assert mount["errnoRet"] == 1
    assert translated()["defaultErrnoRet"] == 38


def test_profile_of_the_runtime_stays_as_it_is() -> None:
    oci = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_PPC"],
           "syscalls": [{"names": ["kexec_load"], "action": "SCMP_ACT_ERRNO"}]}  # fmt: skip
    node = Node(json.loads(json.dumps(oci)), "profile")
    assert seccomp.translate(node, frozenset(), AMD64) == oci


def test_unconfined_is_no_profile() -> None:
    assert seccomp.load("unconfined", frozenset(), AMD64) is None


def test_host_profile_refuses_what_leads_out() -> None:
    made = seccomp.load("default", frozenset(), AMD64)
    assert isinstance(made, dict)
    allowed = names(dict(made))
    assert {"read", "openat", "clone3", "futex"} - allowed <= {"clone3"}
    assert not {"kexec_load", "bpf", "open_by_handle_at", "init_module"} & allowed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"defaultAction": 1, "syscalls": []}',
        '{"defaultAction": "x", "syscalls": [{"names": [1]}]}',
    ],
)
def test_bad_profiles_are_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "profile.json"
    path.write_text(text)
    with pytest.raises(Invalid):
        seccomp.load(str(path), frozenset(), AMD64)
    with pytest.raises(Invalid, match="cannot read"):
        seccomp.load(str(tmp_path / "none"), frozenset(), AMD64)

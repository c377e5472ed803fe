"""Living beside another's iptables rules: docker, ufw and others drop what they do not know.

Every filter in the kernel has to let a packet pass, so ours must be let through in theirs. Nothing is touched
where they drop nothing.
"""

from collections.abc import Iterator
from pathlib import Path

from sealift.network import programs

_WAIT = ("-w", "5")


def let_through(bridge: str) -> None:
    """Put rules for the bridge first in the chains that drop."""
    for program in _programs():
        present = _rules(program)
        wanted = [rule for rule in _wanted(bridge, present) if f"-A {rule}" not in present]
        _change(program, [f"-I {rule}" for rule in wanted])


def withdraw(bridge: str) -> None:
    """Take the bridge's rules out again."""
    for program in _programs():
        ours = [
            rule.replace("-A ", "-D ", 1)
            for rule in _rules(program)
            if rule.startswith("-A ") and (f" -i {bridge} " in rule or f" -o {bridge} " in rule)
        ]
        _change(program, ours)


def _programs() -> Iterator[str]:
    """iptables, and its older kind where rules of that are loaded and `iptables` does not show them."""
    if programs.find("iptables"):
        yield "iptables"
    try:
        loaded = "filter" in Path("/proc/net/ip_tables_names").read_text().split()
    except OSError:
        return
    if loaded and programs.find("iptables-legacy"):
        yield "iptables-legacy"


def _rules(program: str) -> list[str]:
    """The filter table, one line a policy, chain and rule; empty where it cannot be read."""
    code, printed = programs.attempt(program, *_WAIT, "-S")
    return [] if code else printed.splitlines()


def _wanted(bridge: str, present: list[str]) -> list[str]:
    rules = []
    if _drops("FORWARD", present):
        # docker never empties this chain of the administrator's, and asks it first.
        chain = "DOCKER-USER" if "-N DOCKER-USER" in present else "FORWARD"
        rules += [f"{chain} -i {bridge} -j ACCEPT", f"{chain} -o {bridge} -j ACCEPT"]
    if _drops("INPUT", present):
        rules += [f"INPUT -i {bridge} -p {kind} -m {kind} --dport 53 -j ACCEPT" for kind in ("udp", "tcp")]
    return rules


def _drops(chain: str, present: list[str]) -> bool:
    """Whether packets may end in this chain."""
    accepts = f"-P {chain} ACCEPT" in present
    return bool(present) and (not accepts or any(line.startswith(f"-A {chain} ") for line in present))


def _change(program: str, commands: list[str]) -> None:
    if commands:
        text = "*filter\n" + "\n".join(commands) + "\nCOMMIT\n"
        programs.run(f"{program}-restore", *_WAIT, "--noflush", text=text)

"""EXPOSE's ports: `80`, `53/udp`, `8000-8010/tcp`; addresses and host ports before them are passed over."""

from sealift.core.errors import Invalid

PROTOCOLS = ("tcp", "udp", "sctp")


def parse_ports(text: str) -> list[str]:
    """`number/protocol` for every port that `text` names."""
    container = text.rpartition(":")[2]
    numbers, slash, protocol = container.partition("/")
    protocol = protocol.lower() or "tcp"
    if protocol not in PROTOCOLS or (slash and not container.partition("/")[2]):
        raise _invalid(text)
    first, dash, last = numbers.partition("-")
    low = _number(first, text)
    high = _number(last, text) if dash else low
    if high < low:
        raise _invalid(text)
    return [f"{number}/{protocol}" for number in range(low, high + 1)]


def _number(digits: str, text: str) -> int:
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 6 or int(digits) > 65535:
        raise _invalid(text)
    return int(digits)


def _invalid(text: str) -> Invalid:
    return Invalid(f"invalid containerPort: {text[:60]!r}", fix="a port like 80, 53/udp or 8000-8010")

"""JSON documents from outside: read strictly, with errors that name the place; written canonically."""

import json
from typing import NamedTuple, Self, TypeVar, cast

from sealift.core.errors import Invalid

JSON = None | bool | int | float | str | list["JSON"] | dict[str, "JSON"]
MAX_DEPTH = 64
T = TypeVar("T")


def encode(value: object) -> bytes:
    """`value` as canonical JSON: sorted keys, no spaces, UTF-8. Equal values give equal bytes."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode("utf-8", "surrogatepass")


def decode(data: bytes, what: str) -> "Node":
    """The document in `data`; `what` names it in errors. Refuses NaN, duplicate keys and deep nesting."""
    try:
        if data.count(b"[") + data.count(b"{") > MAX_DEPTH:
            _check_depth(data, what)
        value = json.loads(data, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"{what} is not valid JSON: {error}") from error
    return Node(cast(JSON, value), what)


class Node(NamedTuple):
    """A value in a document, with the path that led to it, so that a wrong type can be named precisely."""

    value: JSON
    path: str

    def get(self, key: str) -> Self:
        """The member `key`, or a null node where it is missing."""
        return type(self)(self.members().get(key), f"{self.path}.{key}")

    def members(self) -> dict[str, JSON]:
        return self._typed(dict, "an object") if self.value is not None else {}

    def fields(self) -> list[tuple[str, "Node"]]:
        return [(key, Node(value, f"{self.path}.{key}")) for key, value in self.members().items()]

    def items(self) -> list["Node"]:
        values: list[JSON] = self._typed(list, "a list") if self.value is not None else []
        return [Node(value, f"{self.path}[{index}]") for index, value in enumerate(values)]

    def text(self, default: str | None = None) -> str:
        return default if self.value is None and default is not None else self._typed(str, "a string")

    def integer(self, default: int | None = None) -> int:
        if self.value is None and default is not None:
            return default
        if isinstance(self.value, bool):
            raise self.error("a whole number")
        return self._typed(int, "a whole number")

    def boolean(self, default: bool | None = None) -> bool:
        return default if self.value is None and default is not None else self._typed(bool, "true or false")

    def texts(self) -> tuple[str, ...]:
        return tuple(item.text() for item in self.items())

    def mapping(self) -> dict[str, str]:
        """An object whose values are all strings."""
        return {key: node.text() for key, node in self.fields()}

    def error(self, expected: str) -> Invalid:
        return Invalid(f"{self.path}: expected {expected}, found {json.dumps(self.value)[:80]}")

    def _typed(self, kind: type[T], expected: str) -> T:
        if not isinstance(self.value, kind):
            raise self.error(expected)
        return self.value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("duplicate key")
    return result


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not allowed")


def _check_depth(data: bytes, what: str) -> None:
    depth = 0
    quoted = escaped = False
    for byte in data:
        if quoted:
            quoted = escaped or byte != 0x22
            escaped = byte == 0x5C and not escaped
        elif byte == 0x22:
            quoted = True
        elif byte in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise Invalid(f"{what} is nested more than {MAX_DEPTH} levels deep")
        elif byte in b"]}":
            depth -= 1

"""Go templates: from a tree and a value to text. Values are what JSON has, and callables as methods."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, assert_never

from sealift.core.errors import Invalid
from sealift.ui.functions import FUNCTIONS
from sealift.ui.template import Block, Literal, Name, Node, Operand, Path, Pipeline
from sealift.ui.values import Missing, show, truth

Variables = dict[str, list[Any]]
"""Each in a box of its own, so that a block can change what was declared outside it."""


class Scope(NamedTuple):
    """What `.` is, and the variables. `$` is the value the whole template was given."""

    dot: Any
    variables: Variables


def execute(nodes: Sequence[Node], value: object) -> str:
    """The text that the template gives for `value`."""
    out: list[str] = []
    _run(nodes, Scope(value, {"$": [value]}), out)
    return "".join(out)


def _run(nodes: Sequence[Node], scope: Scope, out: list[str]) -> None:
    for node in nodes:
        match node:
            case str():
                out.append(node)
            case Pipeline():
                value = _pipeline(node, scope)
                if node.names:
                    _assign(node, scope, value)
                else:
                    out.append(show(value))
            case Block():
                _block(node, scope, out)
            case _:
                assert_never(node)


def _assign(node: Pipeline, scope: Scope, value: object) -> None:
    if len(node.names) > 1:
        raise Invalid("format: only range may declare two variables")
    if node.declares:
        scope.variables[node.names[0]] = [value]
    elif node.names[0] in scope.variables:
        scope.variables[node.names[0]][0] = value
    else:
        raise Invalid(f"format: undefined variable {node.names[0]}")


def _block(node: Block, scope: Scope, out: list[str]) -> None:
    value = _pipeline(node.pipeline, scope)
    inner = dict(scope.variables)
    if node.keyword == "range":
        items = _items(value)
        for key, item in items:
            _run(node.body, Scope(item, {**inner, **_declared(node.pipeline.names, key, item)}), out)
        if not items:
            _run(node.otherwise, Scope(scope.dot, inner), out)
        return
    if node.pipeline.names:
        _assign(node.pipeline, Scope(scope.dot, inner), value)
    if truth(value):
        _run(node.body, Scope(value if node.keyword == "with" else scope.dot, inner), out)
    else:
        _run(node.otherwise, Scope(scope.dot, inner), out)


def _declared(names: tuple[str, ...], key: object, item: object) -> Variables:
    """What `range $key, $item := …`, or `range $item := …`, declares in one turn."""
    values = (item,) if len(names) == 1 else (key, item)
    return {name: [value] for name, value in zip(names, values, strict=False)}


def _items(value: object) -> list[tuple[object, object]]:
    """What `range` walks: a list with its indexes, or an object in the order of its keys."""
    match value:
        case None | Missing():
            return []
        case Mapping():
            return sorted(value.items())
        case list() | tuple():
            return list(enumerate(value))
        case int() if not isinstance(value, bool):
            return [(number, number) for number in range(min(value, 100_000))]
    raise Invalid(f"format: cannot range over {json.dumps(value, default=str)[:60]}")


def _pipeline(node: Pipeline, scope: Scope) -> Any:
    value: Any = None
    for index, command in enumerate(node.commands):
        value = _command(command, scope, (value,) if index else ())
    return value


def _command(operands: tuple[Operand, ...], scope: Scope, piped: tuple[Any, ...]) -> Any:
    first = operands[0]
    if isinstance(first, Name):
        if first.name in ("and", "or"):
            return _shortcut(first.name, operands[1:], scope, piped)
        arguments = [_operand(operand, scope) for operand in operands[1:]]
        return _call(first.name, _function(first.name), (*arguments, *piped))
    arguments = [_operand(operand, scope) for operand in operands[1:]]
    value = _operand(first, scope, called=True)
    if callable(value):
        return _call(_spelled(first), value, (*arguments, *piped))
    if arguments or piped:
        raise Invalid(f"format: {_spelled(first)} is not a function, so it takes no argument")
    return value


def _shortcut(name: str, operands: tuple[Operand, ...], scope: Scope, piped: tuple[Any, ...]) -> Any:
    """`and` and `or`: the first value that decides; what comes after it is not looked at."""
    value: Any = None
    for operand in operands:
        value = _operand(operand, scope)
        if truth(value) == (name == "or"):
            return value
    if not operands and not piped:
        raise Invalid(f"format: {name} needs a value")
    return piped[0] if piped else value


def _operand(operand: Operand, scope: Scope, *, called: bool = False) -> Any:
    match operand:
        case Literal():
            return operand.value
        case Name():
            return _call(operand.name, _function(operand.name), ())
        case Path():
            value = _walk(operand, scope)
            return _call(_spelled(operand), value, ()) if callable(value) and not called else value
    assert_never(operand)


def _walk(path: Path, scope: Scope) -> Any:
    if isinstance(path.base, Pipeline):
        value = _pipeline(path.base, scope)
    elif path.base == ".":
        value = scope.dot
    elif path.base in scope.variables:
        value = scope.variables[path.base][0]
    else:
        raise Invalid(f"format: undefined variable {path.base}")
    strict = path.base == "." and scope.dot is scope.variables["$"][0]
    for index, name in enumerate(path.fields):
        value = _field(value, name, strict=strict and index == 0)
    return value


def _field(value: Any, name: str, *, strict: bool) -> Any:
    """A member. A wrong name at the top is an error that says which there are; deeper, where members come
    and go, it is a missing value.
    """
    if isinstance(value, Mapping):
        if name in value:
            return value[name]
        if strict:
            raise Invalid(f"format: there is no field .{name}", fix=f"use one of: {_known(value)}")
        return Missing(name, final=True)
    if value is None or isinstance(value, Missing):
        return Missing(value.name if isinstance(value, Missing) else name, final=False)
    raise Invalid(f"format: .{name} asked of {json.dumps(value, default=str)[:60]}, which has no fields")


def _known(value: Mapping[str, Any]) -> str:
    return " ".join(f".{key}" for key in sorted(value) if not key.startswith("_"))


def _function(name: str) -> Callable[..., Any]:
    if name not in FUNCTIONS:
        raise Invalid(
            f"format: unknown function {name!r}", fix=f"use one of: and or {' '.join(sorted(FUNCTIONS))}"
        )
    return FUNCTIONS[name]


def _call(name: str, function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    try:
        return function(*arguments)
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        shown = ", ".join(json.dumps(argument, default=str)[:40] for argument in arguments)
        raise Invalid(f"format: {name} does not work with ({shown}): {error}") from None


def _spelled(operand: Operand) -> str:
    match operand:
        case Literal():
            return json.dumps(operand.value)
        case Name():
            return operand.name
        case Path():
            base = operand.base if isinstance(operand.base, str) else "(…)"
            return f"{base.rstrip('.')}{''.join(f'.{name}' for name in operand.fields)}" or "."
    assert_never(operand)

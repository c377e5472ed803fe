"""`--filter NAME=VALUE` of the list commands: values of one name are alternatives, names must all hold."""

from collections.abc import Collection, Iterable, Mapping

from sealift.core.errors import Invalid

Filters = Mapping[str, tuple[str, ...]]


def parse(texts: Iterable[str], known: Collection[str]) -> Filters:
    """The values by name; `Invalid` for a name not `known`."""
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise Invalid(f"invalid filter: {text[:80]!r}", fix="--filter NAME=VALUE")
        if name not in known:
            raise Invalid(f"unknown filter: {name[:80]!r}", fix=f"one of {', '.join(sorted(known))}")
        found[name] = (*found.get(name, ()), value)
    return found


def has_labels(labels: Iterable[tuple[str, str]], wanted: Iterable[str]) -> bool:
    """Whether all wanted labels (`NAME` or `NAME=value`) are there."""
    held = dict(labels)
    for text in wanted:
        name, equals, value = text.partition("=")
        if name not in held or (equals and held[name] != value):
            return False
    return True


def keeps(labels: Iterable[tuple[str, str]], created: int, filters: Filters, now: float) -> bool:
    """Whether the filters of a `prune` (`label`, `label!`, `until`) spare something with these labels, made
    `created` ns after 1970.
    """
    if not has_labels(labels, filters.get("label", ())):
        return True
    if any(has_labels(labels, [text]) for text in filters.get("label!", ())):
        return True
    if "until" not in filters:
        return False
    from sealift.ui import units

    return created / 1e9 > min(units.moment(text, now) for text in filters["until"])


def truth(text: str) -> bool:
    """A filter's true or false."""
    from sealift.cli.words import parse_boolean

    try:
        return parse_boolean(text)
    except ValueError:
        raise Invalid(f"neither true nor false: {text[:80]!r}") from None

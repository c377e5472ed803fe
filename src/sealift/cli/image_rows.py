"""Images as list commands show them: the fields of `--format`, filters, and how IDs and times are written."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sealift.cli import filters
from sealift.core.errors import Invalid
from sealift.core.reference import Reference
from sealift.ui import units

if TYPE_CHECKING:
    from sealift.store import ImageRecord, Store

NONE = "<none>"
COLUMNS = {
    "Repository": "REPOSITORY", "Tag": "TAG", "Digest": "DIGEST", "ID": "IMAGE ID",
    "CreatedSince": "CREATED", "CreatedAt": "CREATED AT", "Size": "SIZE", "SharedSize": "SHARED SIZE",
    "UniqueSize": "UNIQUE SIZE", "VirtualSize": "VIRTUAL SIZE", "Containers": "CONTAINERS",
}  # fmt: skip
FILTERS = ("before", "dangling", "label", "reference", "since", "until")


class Wanted:
    """The filters of `images` and of what prunes images, as one question."""

    def __init__(self, texts: Sequence[str], store: "Store", now: float) -> None:
        self._filters = filters.parse(texts, FILTERS)
        self._now = now
        self._after = [_moment_of(store, text) for text in self._filters.get("since", ())]
        self._before = [_moment_of(store, text) for text in self._filters.get("before", ())]
        self._before += [units.moment(text, now) for text in self._filters.get("until", ())]
        dangling = {filters.truth(text) for text in self._filters.get("dangling", ())}
        if len(dangling) > 1:
            raise Invalid("dangling cannot be both true and false")
        self._dangling = next(iter(dangling), None)

    def __call__(self, record: "ImageRecord") -> bool:
        made = created(record)
        if self._dangling is not None and self._dangling != (not record.references):
            return False
        if any(made <= moment for moment in self._after) or any(made >= moment for moment in self._before):
            return False
        return "label" not in self._filters or filters.has_labels(
            record.config.labels, self._filters["label"]
        )

    def names(self, references: Sequence[str]) -> list[str]:
        """Those of the references that fit."""
        patterns = self._filters.get("reference")
        if patterns is None:
            return list(references)
        return [text for text in references if any(fits(text, pattern) for pattern in patterns)]

    @property
    def by_name(self) -> bool:
        """Whether only images with certain names are asked for."""
        return "reference" in self._filters


def fits(text: str, pattern: str) -> bool:
    """Whether a canonical reference fits a pattern, as people type either: whole, or without the tag."""
    from sealift.build.match import compile_pattern

    reference = Reference.parse(text)
    compiled = compile_pattern(pattern)
    return any(
        compiled.fullmatch(name)
        for name in (reference.familiar, reference.familiar_repository, str(reference))
    )


def rows(record: "ImageRecord", names: Sequence[str], now: float, *, whole: bool) -> list[dict[str, Any]]:
    """One row for each name; one without a name where it has none."""
    shown = units.size(record.size, 3)
    common = {
        "Containers": "N/A",
        "CreatedAt": time.strftime("%Y-%m-%d %H:%M:%S +0000 UTC", time.gmtime(created(record))),
        "CreatedSince": since(record, now),
        "Digest": NONE,
        "ID": str(record.image_id) if whole else record.image_id.short,
        "SharedSize": "N/A",
        "Size": shown,
        "UniqueSize": "N/A",
        "VirtualSize": shown,
    }
    found = []
    for text in names:
        reference = Reference.parse(text)
        found.append(
            {
                **common,
                "Repository": reference.familiar_repository,
                "Tag": reference.tag or NONE,
                "Digest": reference.digest or NONE,
            }
        )
    found = found or [{**common, "Repository": NONE, "Tag": NONE}]
    return [dict(sorted(row.items())) for row in found]


def created(record: "ImageRecord") -> float:
    """When the image was made, in seconds since 1970; 0 where it does not say, or says nonsense."""
    return moment_or_zero(record.created)


def moment_or_zero(text: str) -> float:
    try:
        return units.parse_timestamp(text)
    except Invalid:
        return 0.0


def since(record: "ImageRecord", now: float) -> str:
    return units.ago(created(record), now) if created(record) else "N/A"


def familiar(texts: Sequence[str]) -> list[str]:
    """Canonical references as people type them."""
    return [Reference.parse(text).familiar for text in texts]


def _moment_of(store: "Store", text: str) -> float:
    return created(store.images.find(text))

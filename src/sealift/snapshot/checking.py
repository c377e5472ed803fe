"""Is what was made of layers still what they make? All of it can be made again, so a repair is a removal."""

from collections.abc import Iterator

from sealift.snapshot import headers
from sealift.snapshot.indexes import Indexes
from sealift.store import Store
from sealift.store.check import Finding


def check(store: Store, *, repair: bool) -> Iterator[Finding]:
    """What differs from what the layers make, each made anew for this; with `repair` it is removed.

    Look at the layers themselves first (`Store.check`). A tree that is mounted stays as it is until its last
    container has ended.
    """
    with store.lease():
        for kind, paths in (
            ("file", headers.differing(store.layers)),
            ("index", Indexes(store).differing()),
        ):
            for path in paths:
                action = "removed: it is made again when it is needed"
                name = str(path.relative_to(store.root))
                yield Finding(kind, name, "it is not what the layers make", action, repair)
                if repair:
                    path.unlink(missing_ok=True)

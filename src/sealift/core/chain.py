"""Chain IDs: the digest of a run of layers (OCI image spec, config.md, "Layer ChainID")."""

from collections.abc import Iterable

from sealift.core.digest import Digest


def chain_id(diff_ids: Iterable[Digest]) -> Digest:
    """The chain ID of these layers, lowest first. There must be at least one."""
    layers = iter(diff_ids)
    chain = next(layers)
    for diff_id in layers:
        chain = Digest.of(f"{chain} {diff_id}".encode())
    return chain

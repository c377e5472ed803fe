"""Steps that put files into the image without running anything: COPY, ADD, WORKDIR."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import NamedTuple

from sealift.build import layers, owner, selecting
from sealift.build.copying import Copier
from sealift.build.graph import Copy, MakeDirectory
from sealift.build.items import Signature, Target, TreeFile
from sealift.build.lower import Lower
from sealift.build.selecting import Selected
from sealift.build.sources import ContextTree, Source, StageTree
from sealift.build.statcache import StatCache, now
from sealift.build.steps import Made
from sealift.build.tree import Tree
from sealift.build.unpacking import Unpacker
from sealift.core.digest import Digest
from sealift.core.errors import Invalid, NotFound
from sealift.snapshot import Snapshots
from sealift.store import Store


class Context(NamedTuple):
    """The build context, opened: its files behind .dockerignore, and what is known of their contents."""

    tree: ContextTree
    digests: StatCache


class FileSteps:
    """Makes the layers of COPY, ADD and WORKDIR, straight from the source into the layer's tar."""

    def __init__(self, store: Store, snapshots: Snapshots, check: Callable[[], None]) -> None:
        self._store = store
        self._snapshots = snapshots
        self._check = check

    def content(self, selection: Sequence[Selected], context: Context, *, read: bool) -> Digest | None:
        """The digest of what a context copy selects. Unknown files are read if `read`; else None."""
        if read:
            for selected in selection:
                if selected.kind == "file" and context.digests.get(selected.signature) is None:
                    self._learn(selected, context)
        return selecting.digest(selection, context.digests.get)

    def _learn(self, selected: Selected, context: Context) -> None:
        began = now()
        file = TreeFile(context.tree.open, selected.path, selected.info.st_size, selected.signature)
        digest = layers.hash_content(file, selected.path, self._check)
        context.digests.put(selected.signature, digest, began)

    def copy_context(
        self, operation: Copy, below: Sequence[Digest], context: Context, selection: Sequence[Selected]
    ) -> Made:
        """The layer with files of the context. Each file's digest is checked, or learned, as it is read."""
        began = now()
        made, digests = self._copy(operation, below, context.tree, selection)
        for signature, digest in digests.items():
            known = context.digests.get(signature)
            context.digests.put(signature, digest, began)
            if known not in (None, digest):
                raise Invalid(
                    f"{signature.path} changed during the build", fix="build again when it is still"
                )
        return made

    def copy_stage(self, operation: Copy, below: Sequence[Digest], source: Sequence[Digest]) -> Made:
        """The layer with files of the tree that another stage's or image's layers make."""
        with ExitStack() as stack:
            if not source:
                raise NotFound(f"{operation.sources[0]!r} is not in an empty image")
            view = stack.enter_context(self._snapshots.view(source))
            tree = StageTree(stack.enter_context(Tree(view)), "the stage or image it is copied from")
            return self._copy(operation, below, tree, selecting.select(operation, tree))[0]

    def copy_inline(self, operation: Copy, below: Sequence[Digest]) -> Made:
        """The layer with files that stand in the Dockerfile."""
        return self._copy(operation, below, None, ())[0]

    def _copy(
        self,
        operation: Copy,
        below: Sequence[Digest],
        source: Source | None,
        selection: Sequence[Selected],
    ) -> tuple[Made, dict[Signature, str]]:
        with ExitStack() as stack:
            lower = stack.enter_context(Lower(below, self._store.layers, self._snapshots))
            ids = owner.find_owner(operation.chown, lower.read) if operation.chown else (0, 0)
            target = Target(lower, operation.epoch, ids)
            unpacker = None
            if operation.unpack:
                unpacker = Unpacker(self._store.tmp, bool(operation.chown), self._check)
                stack.callback(unpacker.close)
            copier = Copier(operation, target)
            if source is not None:
                copier.place(selection, source, unpacker)
            copier.place_inline()
            return self._write(target)

    def make_directory(self, operation: MakeDirectory, below: Sequence[Digest]) -> Made:
        """The directory with its missing parents, or nothing when it is there already."""
        with Lower(below, self._store.layers, self._snapshots) as lower:
            ids = owner.find_owner(operation.user, lower.read) if operation.user else (0, 0)
            target = Target(lower, operation.epoch, ids)
            path = target.resolve(operation.path)
            found = target.find(path)
            if found is not None and found.kind != "dir":
                raise Invalid(f"WORKDIR {operation.path} is not a directory in the image")
            target.make_directories(path)
            made, _ = self._write(target)
            return made

    def _write(self, target: Target) -> tuple[Made, dict[Signature, str]]:
        entries = target.complete()
        if not entries:
            return Made(None), {}
        with self._store.layers.writer() as writer:
            digests = layers.write(entries, writer, self._check)
            return Made(writer.commit()), digests

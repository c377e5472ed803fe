"""What a vertex's result is and how it comes about: from the step cache, else by doing the step."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, assert_never

from sealift.build import selecting
from sealift.build.files import Context, FileSteps
from sealift.build.graph import ContextSource, Copy, Exec, ImageSource, MakeDirectory, Vertex, definition
from sealift.build.run import RunSteps
from sealift.build.steps import Made, Steps
from sealift.core.digest import Digest
from sealift.core.document import JSON
from sealift.core.errors import Denied, Invalid, NotFound, SealiftError, StartFailed, StepFailed, Unavailable
from sealift.core.events import Emit, Failed, Finished, Started


class Layered(NamedTuple):
    """A finished vertex: the layers of its tree, lowest first; `made` tells whether the top is its own."""

    layers: tuple[Digest, ...]
    made: Made = Made(None)


Result = Layered | Context


class Worker:
    """Performs vertices, from any thread. `fresh` says that the step cache is not to be asked."""

    def __init__(
        self,
        steps: Steps,
        files: FileSteps,
        runs: RunSteps,
        open_context: Callable[[], Context],
        emit: Emit,
        *,
        fresh: bool,
    ) -> None:
        self._steps = steps
        self._files = files
        self._runs = runs
        self._open_context = open_context
        self._emit = emit
        self._fresh = fresh

    def perform(self, vertex: Vertex, inputs: tuple[Result, ...]) -> Result:
        """The result of one vertex, told as events; an error names the place in the Dockerfile."""
        if isinstance(vertex.operation, ContextSource):
            return self._open_context()
        self._emit(Started(vertex.key, vertex.title))
        try:
            result, cached = self._layered(vertex, inputs)
        except StepFailed as error:
            self._emit(Failed(vertex.key, f"exit code: {error.exit_code}"))
            raise
        except SealiftError as error:
            self._emit(Failed(vertex.key, error.message.partition("\n")[0]))
            raise _placed(error, vertex) from error
        except BrokenPipeError:
            raise  # whoever watched the progress is gone
        except OSError as error:
            reason = f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
            self._emit(Failed(vertex.key, reason))
            raise Unavailable(f"{vertex.place}: {reason}\n{vertex.place.quote()}") from error
        self._emit(Finished(vertex.key, "cached" if cached else ""))
        return result

    def _layered(self, vertex: Vertex, inputs: tuple[Result, ...]) -> tuple[Layered, bool]:
        operation = vertex.operation
        if isinstance(operation, ImageSource):
            return Layered(operation.layers), True
        below = inputs[0].layers if inputs and isinstance(inputs[0], Layered) else ()
        match operation:
            case Exec():
                key = self._key(operation, below)
                made, cached = self._once(key, lambda: self._runs.run(vertex, operation, below))
            case MakeDirectory():
                key = self._key(operation, below)
                made, cached = self._once(key, lambda: self._files.make_directory(operation, below))
            case Copy():
                made, cached = self._copy(operation, below, inputs[1:])
            case ContextSource():
                raise AssertionError("the context has no layers")
            case _:
                assert_never(operation)
        return Layered((*below, made.diff_id) if made.diff_id else below, made), cached

    def _key(self, operation: Exec | Copy | MakeDirectory, below: Sequence[Digest], *more: JSON) -> Digest:
        return self._steps.key(type(operation).__name__, definition(operation), list(below), *more)

    def _once(self, key: Digest, do: Callable[[], Made]) -> tuple[Made, bool]:
        """What the cache knows, else what `do` makes, at the same time in no other thread or build."""
        if not self._fresh and (known := self._steps.find(key)) is not None:
            return known, True
        with self._steps.lock(key):
            if not self._fresh and (known := self._steps.find(key)) is not None:
                return known, True
            made = do()
            self._steps.put(key, made)
            return made, False

    def _copy(self, operation: Copy, below: Sequence[Digest], sources: Sequence[Result]) -> tuple[Made, bool]:
        if not sources:
            return self._once(self._key(operation, below), lambda: self._files.copy_inline(operation, below))
        source = sources[0]
        if isinstance(source, Context):
            return self._copy_context(operation, below, source)
        layers = source.layers
        key = self._key(operation, below, list(layers))
        return self._once(key, lambda: self._files.copy_stage(operation, below, layers))

    def _copy_context(self, operation: Copy, below: Sequence[Digest], context: Context) -> tuple[Made, bool]:
        """By content. What is not known of it is found out while the layer is written: read once."""
        selection = selecting.select(operation, context.tree)
        content = self._files.content(selection, context, read=operation.unpack)
        if content is not None:
            key = self._key(operation, below, content)
            return self._once(key, lambda: self._files.copy_context(operation, below, context, selection))
        with self._steps.lock(self._key(operation, below)):
            context.digests.reload()  # another build may have read the same files while we waited
            content = self._files.content(selection, context, read=False)
            if content is not None and not self._fresh:
                known = self._steps.find(self._key(operation, below, content))
                if known is not None:
                    return known, True
            made = self._files.copy_context(operation, below, context, selection)
            content = self._files.content(selection, context, read=True)
            key = self._key(operation, below, content)
            same = self._steps.find(key) == made  # too fresh for its times to be trusted: read again
            self._steps.put(key, made)
            context.digests.save()
            return made, same and not self._fresh


def _placed(error: SealiftError, vertex: Vertex) -> SealiftError:
    """The error with the place in the Dockerfile in front, where its class says no more than a message."""
    shown = f"{vertex.place}: {error.message}\n{vertex.place.quote()}"
    if isinstance(error, StartFailed):
        return StepFailed(shown, exit_code=error.exit_code, fix=error.fix)
    return type(error)(shown, fix=error.fix) if type(error) in (Denied, Invalid, NotFound) else error

"""Merging trees against a model that applies layers path by path, in the words of the OCI image spec."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from sealift.archive import Entry
from sealift.snapshot.tree import Node, directory, layer_tree, merge

NAMES = ("a", "b", "c")
Model = dict[str, str]
"""What is at each path: "dir", or the content of a file."""


def below(path: str, top: str) -> bool:
    return not top or path.startswith(f"{top}/")


def parent_of(path: str) -> str:
    return path.rpartition("/")[0]


def forget(model: Model, path: str, *, itself: bool = True) -> None:
    for known in list(model):
        if below(known, path) or (itself and known == path):
            del model[known]


def applied(lower: Model, layer: Sequence[Entry]) -> Model:
    """The layer's deletions hit what lies below it; then its members come, in order."""
    model = dict(lower)
    for entry in layer:
        parent, _, name = entry.path.rpartition("/")
        if name == ".wh..wh..opq":
            forget(model, parent, itself=False)
        elif name.startswith(".wh."):
            forget(model, f"{parent}/{name[4:]}".lstrip("/"))
    own: Model = {}
    for entry in layer:
        name = entry.path.rpartition("/")[2]
        path = parent_of(entry.path) if name.startswith(".wh.") else entry.path
        directories = [path] if name.startswith(".wh.") or entry.kind == "dir" else []
        above = parent_of(path)
        while above:
            directories.append(above)
            above = parent_of(above)
        for made in reversed(directories):
            if made:
                own.setdefault(made, "dir")
        if entry.kind == "file" and not name.startswith(".wh."):
            own[path] = str(entry.mtime)
    for path, what in own.items():
        if what != "dir" or model.get(path, "dir") != "dir":
            forget(model, path)
        model[path] = what
    return model


def shown(tree: Node) -> Model:
    model: Model = {}
    pending = [("", tree)]
    while pending:
        path, node = pending.pop()
        for name, kid in (node.kids or {}).items():
            inner = f"{path}/{name}" if path else name
            model[inner] = "dir" if kid.kids is not None else str(kid.entry.mtime) if kid.entry else "?"
            pending.append((inner, kid))
    return model


@st.composite
def layers(draw: st.DrawFn) -> list[Entry]:
    """Members that fit together: no path of the layer is both a file and a directory."""
    entries: list[Entry] = []
    kinds: Model = {}
    for number in range(draw(st.integers(0, 6))):
        parts = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3))
        what = draw(st.sampled_from(("file", "dir", "delete", "hide")))
        path = "/".join(parts)
        holders = [path] if what in ("dir", "hide") else []
        holders += ["/".join(parts[:count]) for count in range(1, len(parts))]
        if any(kinds.get(holder, "dir") != "dir" for holder in holders):
            continue
        if what == "file" and kinds.get(path, "file") != "file":
            continue
        kinds.update(dict.fromkeys(holders, "dir"))
        if what == "file":
            kinds[path] = "file"
            entries.append(Entry(path, "file", 0o644, 0, 0, draw(st.integers(1, 1 << 20))))
        elif what == "dir":
            entries.append(Entry(path, "dir", 0o755, 0, 0, number))
        elif what == "hide":
            entries.append(Entry(f"{path}/.wh..wh..opq", "file", 0, 0, 0, 0))
        else:
            parts[-1] = f".wh.{parts[-1]}"
            entries.append(Entry("/".join(parts), "file", 0, 0, 0, 0))
    return entries


@given(st.lists(layers(), max_size=4))
@settings(max_examples=400, deadline=None)
def test_merged_layers_show_what_the_model_says(stack: list[list[Entry]]) -> None:
    model: Model = {}
    tree = directory()
    for number, layer in enumerate(stack):
        model = applied(model, layer)
        merge(tree, layer_tree(layer, number))
    assert shown(tree) == model


@given(st.lists(layers(), min_size=2, max_size=5), st.data())
@settings(max_examples=400, deadline=None)
def test_upper_layers_may_be_merged_first(stack: list[list[Entry]], data: st.DataObject) -> None:
    """What deletions hide stays known, so that any run of layers can be laid over the rest as one."""
    cut = data.draw(st.integers(1, len(stack) - 1))
    lower, upper = directory(), directory()
    for number, layer in enumerate(stack[:cut]):
        merge(lower, layer_tree(layer, number))
    for number, layer in enumerate(stack[cut:], cut):
        merge(upper, layer_tree(layer, number))
    merge(lower, upper)
    model: Model = {}
    for layer in stack:
        model = applied(model, layer)
    assert shown(lower) == model

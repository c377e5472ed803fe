"""`sealift inspect`: everything about containers, images, networks and volumes, in docker's shape."""

import argparse
from collections.abc import Callable
from typing import Any

from sealift import wiring
from sealift.cli import several
from sealift.cli.app import App
from sealift.core.errors import Invalid, NotFound

EPILOG = """\
A name is looked for among containers, then images, networks and volumes, unless --type says which it is.

Examples:
  sealift inspect web
  sealift inspect -f '{{.State.Status}} {{.NetworkSettings.IPAddress}}' web
  sealift inspect --type image python:3.11-slim
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("-f", "--format", metavar="FORMAT", default="", help="json, or a template")
    parser.add_argument("-s", "--size", action="store_true", help="add the sizes of containers")
    parser.add_argument("--type", choices=tuple(_FINDERS), help="what the names are of")
    parser.add_argument("names", metavar="NAME", nargs="+", help="a name or an ID")


def run(args: argparse.Namespace, app: App) -> int:
    from sealift.ui import formats

    formats.check(args.format)
    if args.format.startswith("table"):
        raise Invalid("'table' is for lists, not for inspect")
    found, errors = [], []
    for name in args.names:
        try:
            found.append(_find(name, args.type, app, size=args.size))
        except NotFound as error:
            errors.append(error)
    app.stdout.write(formats.inspect(args.format, found))
    for missing in errors:
        several.report(missing, app)
    return 1 if errors else 0


def _find(name: str, kind: str | None, app: App, *, size: bool) -> dict[str, Any]:
    if kind:
        return _FINDERS[kind](name, app, size)
    for finder in _FINDERS.values():
        try:
            return finder(name, app, size)
        except (NotFound, Invalid):  # a container's name need not be a valid image reference
            continue
    raise NotFound(f"no such object: {name}", fix="sealift ps -a, sealift images")


def _container(name: str, app: App, size: bool) -> dict[str, Any]:
    containers = wiring.containers(app.settings)
    found = containers.inspect(name)
    if size:
        written, together = containers.sizes(name)
        found |= {"SizeRw": written, "SizeRootFs": together}
    return found


def _image(name: str, app: App, _size: bool) -> dict[str, Any]:
    from sealift.cli.images_json import image_inspect

    images = wiring.store(app.settings).images
    record = images.find(name)
    return image_inspect(record, images.config(record))


def _network(name: str, app: App, _size: bool) -> dict[str, Any]:
    return wiring.networks(app.settings, wiring.store(app.settings)).inspect(name)


def _volume(name: str, app: App, _size: bool) -> dict[str, Any]:
    return wiring.containers(app.settings).volumes.inspect(name)


_FINDERS: dict[str, Callable[[str, App, bool], dict[str, Any]]] = {
    "container": _container,
    "image": _image,
    "network": _network,
    "volume": _volume,
}

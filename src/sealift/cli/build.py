"""`sealift build`: an image from a Dockerfile."""

import argparse
import sys
from argparse import ArgumentTypeError
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sealift import wiring
from sealift.cli import values
from sealift.cli.app import App
from sealift.cli.flags import Flag, declare
from sealift.core.errors import Invalid

if TYPE_CHECKING:
    from sealift.build import BuildRequest, Recipe
    from sealift.cli.arguments import Parser
    from sealift.core.reference import Reference

EPILOG = """\
The context is the directory that COPY and ADD read, without what its .dockerignore names. `-` in its place
means no context, and the Dockerfile on standard input. Steps that were done before on the same input are not
done again. The same source gives the same image, to the byte; SOURCE_DATE_EPOCH sets the time in it, else the
base image's time is taken.

Examples:
  sealift build -t my-app .
  sealift build -t my-app:test -f docker/Dockerfile --target test --build-arg VERSION=1.2 .
  sealift build -t tool - < Dockerfile
"""


def tag(text: str) -> "Reference":
    """A name for the image."""
    from sealift.core.reference import Reference

    found = values.checked(Reference.parse, text)
    if found.digest:
        raise ArgumentTypeError(f"a tag, not a digest: {text[:80]}")
    return found


def platform(text: str) -> str:
    """A platform that can be built for: this host's."""
    from sealift.core.platform import Platform

    asked, ours = values.checked(Platform.parse, text), Platform.of_machine()
    if asked != ours:
        raise ArgumentTypeError(f"building for {asked} is not supported yet: this host is {ours}")
    return text


def network(text: str) -> str:
    """Where RUN steps are."""
    if text not in ("default", "none", "host"):
        raise ArgumentTypeError(f"default, none or host, not {text[:40]!r}")
    return text


def progress_mode(text: str) -> str:
    """How the work is shown."""
    from sealift.ui.progress import MODES

    if text not in MODES:
        raise ArgumentTypeError(f"one of {', '.join(MODES)}, not {text[:40]!r}")
    return text


def host(text: str) -> tuple[str, str]:
    """A name with its address."""
    from sealift.build.connection import parse_host

    return values.checked(parse_host, text)


FLAGS = (
    Flag("-t --tag", "NAME[:TAG]", "name the image", type=tag, many=True),
    Flag("-f --file", "FILE", "the Dockerfile (default: the context's own); - for standard input"),
    Flag("--target", "STAGE", "build this stage, not the last", default=""),
    Flag("--build-arg", "NAME[=VALUE]", "a value for an ARG; NAME alone takes it from here", many=True),
    Flag("--label", "NAME=VALUE", "a label for the image", type=values.pair, many=True),
    Flag("--no-cache", "", "do every step again"),
    Flag("--network", "NETWORK", "of RUN steps: default, none or host", type=network, default="default"),
    Flag("--add-host", "NAME:ADDRESS", "a line for /etc/hosts of RUN steps", type=host, many=True),
    Flag("--platform", "OS/ARCH", "refuse to build for any other platform", type=platform),
    Flag("--progress", "MODE", "auto, plain, tty, quiet or rawjson", type=progress_mode, default="auto"),
    Flag("--iidfile", "FILE", "write the image ID to a file"),
    Flag("-q --quiet", "", "print the image ID alone"),
)

_LATER = "it is not supported yet"
_CACHE = "the cache is the store's own"
_LIMITS = "steps run without limits of their own"
REFUSED = {
    "--allow": "no step gets more rights than another",
    "--annotation": "images have no annotations yet; use --label",
    "--attest": _LATER,
    "--build-context": _LATER,
    "--builder": "there is one builder, and it needs no daemon",
    "--cache-from": _CACHE,
    "--cache-to": _CACHE,
    "--call": _LATER,
    "--cgroup-parent": "every step's cgroup is below its store's",
    "--check": _LATER,
    "--compress": "there is no daemon to send the context to",
    "--cpu-period": _LIMITS,
    "--cpu-quota": _LIMITS,
    "--cpu-shares": _LIMITS,
    "--cpuset-cpus": _LIMITS,
    "--cpuset-mems": _LIMITS,
    "--disable-content-trust": "nothing is pulled, so there is nothing to trust or not; leave it out",
    "--force-rm": "no intermediate containers are kept",
    "--isolation": "it is for Windows only",
    "--load": "the image is in the store when it is built; leave it out",
    "--memory": _LIMITS,
    "--memory-swap": _LIMITS,
    "--metadata-file": f"{_LATER}; --iidfile writes the image ID",
    "--no-cache-filter": f"{_LATER}; --no-cache does every step again",
    "--output": f"{_LATER}; see `sealift save`",
    "--provenance": _LATER,
    "--pull": "nothing is pulled: base images come from build, load and bootstrap",
    "--push": _LATER,
    "--rm": "no intermediate containers are kept",
    "--sbom": _LATER,
    "--secret": _LATER,
    "--security-opt": "steps run with the default security",
    "--shm-size": _LATER,
    "--squash": "layers are shared between images; squashing them would undo that",
    "--ssh": _LATER,
    "--ulimit": _LATER,
    "-m": _LIMITS,
    "-o": f"{_LATER}; see `sealift save`",
}


def configure(parser: "Parser") -> None:
    parser.epilog = EPILOG
    declare(parser, FLAGS)
    parser.add_argument("context", metavar="CONTEXT", help="the directory to build from, or -")
    parser.refused = REFUSED


def run(args: argparse.Namespace, app: App) -> int:
    from sealift.cli.interrupts import as_interrupt
    from sealift.ui import progress

    request = _request(args, app.environment)
    mode = "quiet" if args.quiet else args.progress
    with as_interrupt(), progress.choose(mode, app.stderr, app.environment) as display:
        built = wiring.builder(app.settings).build(request, display.emit)
    if args.iidfile:
        Path(args.iidfile).write_text(built.image.image_id)
    if args.quiet or mode == "quiet":
        app.print(built.image.image_id)
    return 0


def _request(args: argparse.Namespace, environment: Mapping[str, str]) -> "BuildRequest":
    from sealift.build import BuildRequest
    from sealift.build.context import check_context

    _check_context_words(args)
    context = None if args.context == "-" else Path(args.context)
    if context is not None:
        check_context(context)
    return BuildRequest(
        recipe=_recipe(args, context),
        context=context,
        tags=tuple(dict.fromkeys(args.tag)),
        target=args.target,
        build_args=_build_args(args.build_arg, environment),
        labels=dict(args.label),
        network=args.network,
        hosts=tuple(args.add_host),
        fresh=args.no_cache,
        environment=environment,
    )


def _check_context_words(args: argparse.Namespace) -> None:
    if args.context == "-" and args.file is not None:
        raise Invalid(
            "there is no context on standard input beside -f", fix="sealift build -f FILE DIRECTORY"
        )
    if "://" in args.context or args.context.startswith(("git@", "github.com/")):
        raise Invalid(
            f"building from {args.context[:80]} is not supported yet",
            fix="git clone it, then sealift build DIRECTORY",
        )


def _recipe(args: argparse.Namespace, context: Path | None) -> "Recipe":
    from sealift.build import Recipe
    from sealift.build.context import MAX_DOCKERFILE_BYTES, decode, read_recipe

    if args.context != "-" and args.file != "-":
        return read_recipe(context, args.file, Path())
    data = sys.stdin.buffer.read(MAX_DOCKERFILE_BYTES + 1)
    if (
        len(data) > MAX_DOCKERFILE_BYTES
        or b"\0" in data
        or data.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ"))
    ):
        raise Invalid(
            "a tar of a context on standard input is not supported yet",
            fix="unpack it, then sealift build DIRECTORY",
        )
    return Recipe(decode(data), "Dockerfile")


def _build_args(words: list[str], environment: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not name:
            raise Invalid(f"invalid --build-arg {word[:80]!r}", fix="--build-arg NAME=value")
        if equals:
            found[name] = value
        elif name in environment:
            found[name] = environment[name]
    return found

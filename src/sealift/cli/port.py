"""`sealift port`: where a container's ports are reached on the host."""

import argparse

from sealift import wiring
from sealift.cli.app import App
from sealift.core.errors import NotFound

EPILOG = """\
Examples:
  sealift port web
  sealift port web 80/tcp
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("name", metavar="CONTAINER", help="a name, or the beginning of an ID")
    parser.add_argument("port", metavar="PORT[/PROTO]", nargs="?", help="only this port of the container")


def run(args: argparse.Namespace, app: App) -> int:
    container = wiring.containers(app.settings).find(args.name)
    ports = container.ports if container.state.running else ()
    if args.port is None:
        for port in sorted(ports):
            app.print(f"{port.container_port}/{port.protocol} -> {port.host_address}:{port.host_port}")
        return 0
    number, slash, protocol = args.port.partition("/")
    wanted = (number, protocol if slash else "tcp")
    found = [port for port in ports if (str(port.container_port), port.protocol) == wanted]
    if not found:
        raise NotFound(
            f"no public port {args.port!r} published for {args.name}", fix=f"sealift port {args.name}"
        )
    for port in found:
        app.print(f"{port.host_address}:{port.host_port}")
    return 0

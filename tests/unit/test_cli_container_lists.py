"""Containers as `ps` shows and filters them."""

import pytest

from sealift.cli import container_rows
from sealift.cli.container_filters import Chosen
from sealift.cli.stats import _row
from sealift.container import Container, State
from sealift.container.values import Health, MountPoint, Usage
from sealift.core.errors import Invalid, NotFound
from sealift.network import PortMapping

SECOND = 1_000_000_000
NOW = 1_700_000_000.0


def made(name: str = "web", **changes: object) -> Container:
    container = Container(
        id=f"{name:0<4}".encode().hex().ljust(64, "0"),
        name=name,
        image="python:3.11-slim",
        image_id="sha256:" + "ab" * 32,
        command=("sleep", "1000"),
        created=int(NOW - 120) * SECOND,
        labels=(("app", "web"), ("tier", "front")),
        network="bridge",
        address="10.88.0.2",
        ports=(PortMapping(80, 8080),),
        exposed_ports=("80/tcp", "443/tcp"),
        mounts=(MountPoint("volume", "/store/volumes/data/_data", "/data", name="data"),),
        state=State("running", pid=7, started=int(NOW - 100) * SECOND),
    )
    return container._replace(**changes)  # type: ignore[arg-type]


def ended(code: int = 0, **changes: object) -> Container:
    return made(state=State("exited", exit_code=code, finished=int(NOW - 60) * SECOND), **changes)  # type: ignore[arg-type]


def test_row_has_dockers_fields() -> None:
    row = container_rows.row(made(), NOW)
    assert {key: row[key] for key in row if key not in ("CreatedAt", "Label")} == {
        "Command": '"sleep 1000"',
        "ID": "776562300000",
        "Image": "python:3.11-slim",
        "Labels": "app=web,tier=front",
        "LocalVolumes": "1",
        "Mounts": "data",
        "Names": "web",
        "Networks": "bridge",
        "Ports": "0.0.0.0:8080->80/tcp, 443/tcp",
        "RunningFor": "2 minutes ago",
        "Size": "0B",
        "State": "running",
        "Status": "Up About a minute",
    }
    assert row["Label"]("tier") == "front"


def test_long_commands_are_cut_unless_asked_otherwise() -> None:
    container = made(command=("/docker-entrypoint.sh", "nginx", "-g", 'say "hi"\n'))
    assert container_rows.row(container, NOW)["Command"] == '"/docker-entrypoint.…"'
    whole = container_rows.row(container, NOW, whole=True)
    assert whole["Command"] == '"/docker-entrypoint.sh nginx -g say \\"hi\\"\\n"'
    assert len(whole["ID"]) == 64


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (State("created"), "Created"),
        (State("running", started=int(NOW - 5) * SECOND), "Up 5 seconds"),
        (
            State("running", started=int(NOW - 5) * SECOND, health=Health("starting")),
            "Up 5 seconds (health: starting)",
        ),
        (
            State("running", started=int(NOW - 7200) * SECOND, health=Health("healthy")),
            "Up 2 hours (healthy)",
        ),
        (State("paused", started=int(NOW - 5) * SECOND), "Up 5 seconds (Paused)"),
        (State("exited", exit_code=137, finished=int(NOW - 180) * SECOND), "Exited (137) 3 minutes ago"),
        (State("restarting", exit_code=1, finished=int(NOW - 3) * SECOND), "Restarting (1) 3 seconds ago"),
    ],
)
def test_status_is_dockers(state: State, expected: str) -> None:
    assert container_rows.status(state, NOW) == expected


def test_ports_that_continue_each_other_are_one_range() -> None:
    ports = tuple(PortMapping(8000 + n, 9000 + n) for n in range(3))
    other = (PortMapping(53, 53, "udp", "127.0.0.1"), PortMapping(8005, 9003))
    container = made(ports=(*ports, *other), exposed_ports=("53/udp",))
    assert container_rows.ports(container) == (
        "0.0.0.0:9000-9002->8000-8002/tcp, 0.0.0.0:9003->8005/tcp, 127.0.0.1:53->53/udp"
    )


def test_ended_container_has_no_ports() -> None:
    assert container_rows.ports(ended()) == ""


def test_size_is_what_was_written_and_all_of_it() -> None:
    assert container_rows.row(made(), NOW, sizes=(5_000, 73_600_000))["Size"] == "5kB (virtual 73.6MB)"


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([], {"web", "job", "db"}),
        (["name=^w"], {"web"}),
        (["name=w", "name=d"], {"web", "db"}),
        (["label=app"], {"web", "db"}),
        (["label=app=web", "label=tier=front"], {"web"}),
        (["label=app", "name=j"], set()),
        (["status=exited"], {"job"}),
        (["status=exited", "status=paused"], {"job", "db"}),
        (["exited=3"], {"job"}),
        (["exited=0"], set()),
        (["ancestor=python:3.11-slim"], {"web", "job"}),
        (["ancestor=docker.io/library/python:3.11-slim"], {"web", "job"}),
        (["ancestor=python"], set()),
        (["ancestor=sha256:cdcd"], {"db"}),
        (["health=healthy"], {"db"}),
        (["health=none"], {"web", "job"}),
        (["network=mine"], {"db"}),
        (["volume=data"], {"web", "job"}),
        (["volume=/srv/db"], {"db"}),
        (["publish=8080"], {"web", "job"}),
        (["expose=443/tcp"], {"web", "job"}),
        (["before=db"], {"job"}),
        (["since=job"], {"web", "db"}),
        (["id=6a6f"], {"job"}),
    ],
)
def test_filters_choose(filters: list[str], expected: set[str]) -> None:
    job = ended(3, name="job", id="6a6f" + "0" * 60, labels=(), created=1)
    db = made(
        "db", image="postgres:16", image_id="sha256:" + "cd" * 32, network="mine", ports=(), created=2,
        labels=(("app", "db"),), exposed_ports=(), mounts=(MountPoint("bind", "/srv/db", "/db"),),
        state=State("paused", health=Health("healthy")),
    )  # fmt: skip
    everything = [made(), db, job]
    chosen = Chosen(filters, everything)
    assert {container.name for container in everything if chosen(container)} == expected


@pytest.mark.parametrize(
    ("filters", "error", "message"),
    [
        (["colour=red"], Invalid, "unknown filter: 'colour'"),
        (["name"], Invalid, "invalid filter: 'name'"),
        (["status=up"], Invalid, "invalid filter status=up"),
        (["before=nobody"], NotFound, "no such container: nobody"),
    ],
)
def test_wrong_filters_are_named(filters: list[str], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Chosen(filters, [made()])


def test_stats_of_a_container_and_of_one_that_ended() -> None:
    used = Usage(12.345, 100 << 20, 1 << 30, 9.77, 1_500, 0, 2_000_000, 10, 4)
    row = _row(made(), used, whole=False)
    assert (row["CPUPerc"], row["MemUsage"], row["MemPerc"]) == ("12.35%", "100MiB / 1GiB", "9.77%")
    assert (row["NetIO"], row["BlockIO"], row["PIDs"]) == ("1.5kB / 0B", "2MB / 10B", "4")
    assert _row(ended(), None, whole=False)["MemUsage"] == "-- / --"

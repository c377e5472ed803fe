"""History lines and RUN's environment."""

from pathlib import Path

import pytest

from sealift.build import history
from sealift.build.environment import CERTIFICATES, host_environment
from sealift.core.config import Healthcheck

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("nanoseconds", "expected"),
    [(0, "0s"), (1, "1ns"), (1500, "1.5µs"), (500_000_000, "500ms"), (30 * SECOND, "30s"),
     (90 * SECOND, "1m30s"), (3600 * SECOND, "1h0m0s"), (1_500_000_000, "1.5s"),
     (86_400 * SECOND + 1, "24h0m0.000000001s")],
)  # fmt: skip
def test_duration_reads_as_go_prints_it(nanoseconds: int, expected: str) -> None:
    assert history.duration(nanoseconds) == expected


def test_lines_read_as_docker_writes_them() -> None:
    assert history.run(["/bin/sh", "-c", "make"], []) == "RUN /bin/sh -c make # buildkit"
    assert history.run(["sh"], [("A", "1"), ("B", "2"), ("A", "3")]) == "RUN |2 A=3 B=2 sh # buildkit"
    assert history.quoted("CMD", ["a b", 'c"d', "é\n\x01"]) == 'CMD ["a b" "c\\"d" "é\\n\\x01"]'
    assert history.listed("VOLUME", ["/a", "/b"]) == "VOLUME [/a /b]"
    assert history.pairs("ARG", [("A", None), ("B", "")]) == "ARG A B="
    assert history.healthcheck(Healthcheck(("CMD-SHELL", "curl x"), interval=30 * SECOND, retries=3)) == (
        "HEALTHCHECK {Test:[CMD-SHELL curl x] Interval:30s Timeout:0s StartPeriod:0s "
        "StartInterval:0s Retries:3}"
    )


def test_proxies_come_from_arguments_before_the_environment() -> None:
    found = host_environment({"HTTP_PROXY": "http://env", "no_proxy": "a"}, {"HTTP_PROXY": "http://arg"})
    assert found.variables == (("HTTP_PROXY", "http://arg"), ("no_proxy", "a"))
    assert found.certificates is None


def test_only_variables_that_name_a_file_are_pointed_to_the_certificates(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.crt"
    bundle.write_text("certificates")
    found = host_environment({"PIP_CERT": str(bundle), "SSL_CERT_FILE": "/nowhere", "CURL_CA_BUNDLE": ""}, {})
    assert found.variables == (("PIP_CERT", CERTIFICATES),)
    assert found.certificates == bundle

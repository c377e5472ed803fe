"""What RUN steps get from the caller's environment, and what of it no image, cache key or history may hold.

Proxies and the host's trust in certificates belong to the machine that builds, not to what is built.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
"""Predefined build arguments (Dockerfile reference), in upper and lower case."""

TRUST = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
"""Variables with which programs are pointed to a file of certificate authorities."""

CERTIFICATES = "/run/sealift/ca.crt"
PREDEFINED = frozenset((*PROXIES, *(name.lower() for name in PROXIES)))
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class HostEnvironment(NamedTuple):
    """Variables for RUN steps alone, and the file of certificate authorities behind some of them."""

    variables: tuple[tuple[str, str], ...]
    certificates: Path | None


def host_environment(environment: Mapping[str, str], build_args: Mapping[str, str]) -> HostEnvironment:
    """Proxies from the build arguments, else from the environment; trust from the environment.

    All certificate variables that name a file are pointed to one copy of the first one's file inside the
    step.
    """
    variables = {
        name: value
        for name in sorted(PREDEFINED)
        if (value := build_args.get(name, environment.get(name, "")))
    }
    pointing = [name for name in TRUST if environment.get(name) and Path(environment[name]).is_file()]
    if not pointing:
        return HostEnvironment(tuple(variables.items()), None)
    variables.update(dict.fromkeys(pointing, CERTIFICATES))
    return HostEnvironment(tuple(variables.items()), Path(environment[pointing[0]]))

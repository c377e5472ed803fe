import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealift.core.digest import Digest
from sealift.core.errors import Invalid
from sealift.core.reference import Reference

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "canonical", "familiar"),
    [
        ("python", "docker.io/library/python:latest", "python:latest"),
        ("python:3.11-slim", "docker.io/library/python:3.11-slim", "python:3.11-slim"),
        ("acme/app", "docker.io/acme/app:latest", "acme/app:latest"),
        ("index.docker.io/acme/app", "docker.io/acme/app:latest", "acme/app:latest"),
        ("localhost/app", "localhost/app:latest", "localhost/app:latest"),
        ("localhost:5000/app:v1", "localhost:5000/app:v1", "localhost:5000/app:v1"),
        ("ghcr.io/a/b/c:x", "ghcr.io/a/b/c:x", "ghcr.io/a/b/c:x"),
        ("[::1]:5000/app", "[::1]:5000/app:latest", "[::1]:5000/app:latest"),
        (f"python@{DIGEST}", f"docker.io/library/python@{DIGEST}", f"python@{DIGEST}"),
        (f"python:3@{DIGEST}", f"docker.io/library/python:3@{DIGEST}", f"python:3@{DIGEST}"),
    ],
)
def test_parse_fills_in_dockers_defaults(text: str, canonical: str, familiar: str) -> None:
    reference = Reference.parse(text)
    assert str(reference) == canonical
    assert reference.familiar == familiar


@pytest.mark.parametrize(
    "text",
    ["", ":", "@", "/", "a:", "a@", "Upper", "a//b", "a/../b", "a:b:c", "-a", "a b", "a:" + "t" * 129,
     "a@sha256:abc", "a@md5:" + "0" * 32, "host:99999999/a", "a\n", "\uff41", "a/" + "b" * 260],
)  # fmt: skip
def test_parse_refuses_what_is_no_reference(text: str) -> None:
    with pytest.raises(Invalid):
        Reference.parse(text)


NAMES = st.from_regex(r"[a-z0-9]{1,8}(?:[._-][a-z0-9]{1,8}){0,2}", fullmatch=True)
TAGS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,20}", fullmatch=True)
HOSTS = st.sampled_from(["docker.io", "localhost", "localhost:5000", "registry.test", "10.0.0.1:80"])


@given(HOSTS, st.lists(NAMES, min_size=1, max_size=4), TAGS, st.booleans())
def test_parse_is_the_inverse_of_str(host: str, path: list[str], tag: str, pinned: bool) -> None:
    repository = "/".join(path if host != "docker.io" or len(path) > 1 else ["library", *path])
    reference = Reference(host, repository, tag, Digest(DIGEST) if pinned else None)
    assert Reference.parse(str(reference)) == reference
    assert Reference.parse(reference.familiar) == reference

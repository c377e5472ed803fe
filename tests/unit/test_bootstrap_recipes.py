"""Which base images there are, and what a wrong name says."""

import pytest

from sealift import bootstrap
from sealift.core.errors import Invalid


@pytest.mark.parametrize(
    "text", ["python:3.11-slim", "docker.io/library/python:3.11-slim", "library/python:3.11-slim"]
)
def test_find_takes_every_spelling_of_a_name(text: str) -> None:
    assert bootstrap.find(text).suite == "bookworm"


@pytest.mark.parametrize("text", ["debian:bookworm-slim", "python:3.13-slim"])
def test_find_knows_the_images_people_build_from(text: str) -> None:
    assert bootstrap.find(text).reference.familiar == text


@pytest.mark.parametrize("text", ["python:3.12-slim", "ghcr.io/library/python:3.11-slim", "python"])
def test_find_names_what_there_is_for_a_name_without_recipe(text: str) -> None:
    with pytest.raises(Invalid, match="no recipe") as caught:
        bootstrap.find(text)
    assert "python:3.13-slim" in caught.value.message
    assert caught.value.fix.startswith("sealift bootstrap python:3.1")

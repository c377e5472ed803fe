"""Whatever a Dockerfile or an ignore file holds: an answer or one of our errors, and soon."""

import fnmatch
from contextlib import suppress

from hypothesis import example, given
from hypothesis import strategies as st

from sealift.build.origins import BaseImage
from sealift.build.plan import Options, plan
from sealift.core.config import ImageConfig
from sealift.core.errors import Invalid, NotFound
from sealift.core.platform import Platform
from sealift.dockerfile import parse
from sealift.dockerfile.duration import parse_duration
from sealift.dockerfile.expand import Mode, expand
from sealift.dockerfile.ignore import Patterns
from sealift.dockerfile.ports import parse_ports

AMD64 = Platform("linux", "amd64")
PIECES = st.sampled_from(
    ["FROM a", "FROM scratch AS b", "FROM b", "RUN ", "COPY ", "ADD --chown=", "ENV A=", "ARG ", "ONBUILD ",
     "LABEL ", "HEALTHCHECK --interval=", " CMD ", "<<EOF", "<<-'X'", "EOF", "X", "\n", "\\\n", "\\", " ",
     "\t", "# c", "# escape=`", "`", "'", '"', "$", "${", "}", ":-", "[", "]", '["a"]', "--from=0 ", "--",
     "/", "a", "1", "=", "EXPOSE ", "VOLUME ", "USER ", "WORKDIR ", "SHELL ", "STOPSIGNAL ", "\r\n", "é",
     "\udcff", "*", "!", "#"]
)  # fmt: skip
TEXT = st.lists(PIECES, max_size=25).map("".join)
WORD = st.text(st.sampled_from("ab$\\{}:-+?#%/'\"*<  =["), max_size=24)


def find(name: str) -> BaseImage:
    if name != "a":
        raise NotFound(f"no such image: {name}")
    return BaseImage(name, (), ImageConfig(AMD64))


@given(TEXT)
@example("FROM a\nRUN <<EOF\n")
@example("FROM a\nONBUILD ONBUILD")
def test_any_text_is_a_plan_or_an_error_that_shows_its_place(text: str) -> None:
    options = Options({}, {}, "", "default", (), None, AMD64)
    try:
        dockerfile = parse(text, "D")
        found = plan(dockerfile, options, find)
    except (Invalid, NotFound) as error:
        assert error.message.startswith("D:")
        assert "\n" in error.message
        return
    lines = text.count("\n") + 1
    for stage in dockerfile.stages:
        for instruction in stage.instructions:
            assert 1 <= instruction.place.first <= instruction.place.last <= lines
    assert found.target in found.graph.vertices


@given(WORD, st.sampled_from("\\`"))
def test_expansion_ends_with_text_or_a_reason(word: str, escape: str) -> None:
    with suppress(Invalid):
        found = expand(word, {"a": "b*", "b": ""}, Mode(escape))
        assert all(found.words)


@given(st.text(st.sampled_from("abc ._/-:=äé"), max_size=20))
def test_text_without_special_characters_stays_as_it_is(text: str) -> None:
    assert expand(text, {}).text == text
    assert list(expand(text, {}).words) == text.split()


@given(
    st.lists(st.text(st.sampled_from("ab/*?[]!\\.-^ "), max_size=8), max_size=6), st.text("ab/.", max_size=8)
)
def test_ignore_patterns_decide_or_are_refused(lines: list[str], path: str) -> None:
    path = "/".join(part for part in path.split("/") if part not in ("", ".", ".."))
    with suppress(Invalid):
        patterns = Patterns.parse("\n".join(lines))
        decided = patterns.ignores(path, False)
        assert decided in (True, False)
        if not any(line.strip().startswith("!") for line in lines) and decided:
            assert patterns.ignores(f"{path}/below", False)


@given(
    st.text("abc*?", min_size=1, max_size=8).filter(lambda text: "**" not in text),
    st.text("abc", min_size=1, max_size=8),
)
def test_a_simple_pattern_matches_a_name_as_fnmatch_does(pattern: str, name: str) -> None:
    assert Patterns.parse(pattern).ignores(name, False) == fnmatch.fnmatchcase(name, pattern)


@given(st.text("0123456789.hmsnuµ-", max_size=12))
def test_durations_are_nanoseconds_or_refused(text: str) -> None:
    with suppress(Invalid):
        assert 0 <= parse_duration(text) < 2**63


@given(st.text("0123456789-/:tcpudx", max_size=12))
def test_ports_are_in_range_or_refused(text: str) -> None:
    with suppress(Invalid):
        assert all(0 <= int(port.partition("/")[0]) <= 65535 for port in parse_ports(text))

"""Dockerfiles: lines, heredocs, instructions, and errors that show the place."""

import pytest

from sealift.core.config import Healthcheck
from sealift.core.errors import Invalid
from sealift.dockerfile import Dockerfile, parse, parse_trigger
from sealift.dockerfile import instructions as ins
from sealift.dockerfile.instructions import Body, Command
from sealift.dockerfile.place import Place


def bodies(text: str) -> list[Body]:
    return [instruction.body for instruction in parse(f"FROM scratch\n{text}").stages[0].instructions]


def body(text: str) -> Body:
    (found,) = bodies(text)
    return found


def refused(text: str) -> Invalid:
    with pytest.raises(Invalid) as caught:
        parse(text, "D")
    return caught.value


def shell(text: str) -> Command:
    return Command((text,), by_shell=True)


def test_continuations_comments_and_empty_lines() -> None:
    parsed = parse("# c\n\nFROM a\nRUN one \\\n  # inside\n\n  two \\  \n  three\n# end\nUSER x\n")
    run, user = parsed.stages[0].instructions
    assert run.body == ins.Run(shell("one   two   three"), (), "")
    assert (run.place.first, run.place.last) == (4, 8)
    assert (user.place.first, user.text) == (10, "USER x")
    assert [warning.place.first for warning in parsed.warnings] == [6]


def test_two_escapes_at_the_end_continue_nothing() -> None:
    assert body("RUN a \\\\") == ins.Run(shell("a \\\\"), (), "")


def test_the_end_of_the_file_ends_a_continuation() -> None:
    assert body("RUN a \\") == ins.Run(shell("a"), (), "")


def test_windows_line_ends_and_byte_order_mark() -> None:
    parsed = parse("\ufeffFROM a\r\nRUN x \\\r\n y\r\n")
    assert parsed.stages[0].start.base == "a"
    assert parsed.stages[0].instructions[0].body == ins.Run(shell("x  y"), (), "")


def test_directives_are_read_until_the_first_other_line() -> None:
    parsed = parse("# Syntax = docker/dockerfile:1.7\n# escape=`\n# check=skip=all\nFROM a\nRUN x `\n y")
    assert parsed.directives == ("`", "docker/dockerfile:1.7", "skip=all")
    assert parsed.stages[0].instructions[0].body == ins.Run(shell("x  y"), (), "")
    assert parsed.warnings == ()
    assert parse("# just a comment\n# escape=`\nFROM a").directives.escape == "\\"
    assert parse("# unknown=1\n# escape=`\nFROM a").directives.escape == "\\"
    assert parse("FROM a\n# escape=`").directives.escape == "\\"


def test_wrong_directives_are_refused_and_other_frontends_told() -> None:
    assert "only one escape" in refused("# escape=\\\n# escape=`\nFROM a").message
    assert "invalid escape character" in refused("# escape=x\nFROM a").message
    (warning,) = parse("# syntax=example.com/other\nFROM a").warnings
    assert "example.com/other is not used" in warning.message


def test_run_heredoc() -> None:
    run = body("RUN <<EOF\necho a\n\n# not a comment\\\nEOF")
    assert isinstance(run, ins.Run)
    assert run.heredocs == (("EOF", "echo a\n\n# not a comment\\\n", True, False),)
    assert run.command == shell("<<EOF")


def test_several_heredocs_quoted_and_chomped() -> None:
    run = body("RUN cat <<A 3<<-'B' > x\na\nA\n\t\tb\n\tB\n")
    assert isinstance(run, ins.Run)
    assert [(h.name, h.text, h.expand, h.chomp) for h in run.heredocs] == [
        ("A", "a\n", True, False), ("B", "b\n", False, True),
    ]  # fmt: skip


def test_what_only_looks_like_a_heredoc() -> None:
    assert bodies('RUN ["cat", "<<EOF"]\nUSER x') == [
        ins.Run(Command(("cat", "<<EOF"), by_shell=False), (), ""), ins.UserName("x"),
    ]  # fmt: skip
    assert bodies("RUN cat <<<word\nRUN echo $((1<<2))\nCMD cat <<EOF\nUSER x")[-1] == ins.UserName("x")


def test_copy_heredocs_and_files_together() -> None:
    copy = body("COPY --chown=1 a <<'F' <<G /d/\nf $X\nF\ng\nG\n")
    assert isinstance(copy, ins.CopyFiles)
    assert (copy.sources, copy.destination, copy.chown) == (("a",), "/d/", "1")
    assert [(h.name, h.text, h.expand) for h in copy.heredocs] == [("F", "f $X\n", False), ("G", "g\n", True)]


def test_unterminated_heredoc_names_its_line() -> None:
    error = refused("FROM a\nRUN <<EOF\nx\n")
    assert error.message.startswith("D:2: unterminated heredoc")
    assert "EOF" in error.fix


def test_heredocs_in_onbuild() -> None:
    assert bodies("ONBUILD RUN <<E\nx\nE\nUSER y") == [ins.OnBuild("RUN <<E\nx\nE"), ins.UserName("y")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ARG A B=2 C=\"x y\" D=", ins.Arg((("A", None), ("B", "2"), ("C", '"x y"'), ("D", "")))),
        ("ENV A=1 B='x y' C=a\\ b", ins.Env((("A", "1"), ("B", "'x y'"), ("C", "a\\ b")))),
        ("ENV A  one  two=3", ins.Env((("A", "one  two=3"),))),
        ('LABEL a.b="c" \\\n d=e', ins.Label((("a.b", '"c"'), ("d", "e")))),
        ("RUN --network=none x", ins.Run(shell("x"), (), "none")),
        ('RUN ["a", "b c"]', ins.Run(Command(("a", "b c"), by_shell=False), (), "")),
        ("RUN [ -f x ] && y", ins.Run(shell("[ -f x ] && y"), (), "")),
        ("run a  'b  c'", ins.Run(shell("a  'b  c'"), (), "")),
        ("CMD", ins.Cmd(Command((), by_shell=True))),
        ("CMD []", ins.Cmd(Command((), by_shell=False))),
        ('ENTRYPOINT ["/x"]', ins.Entrypoint(Command(("/x",), by_shell=False))),
        ("WORKDIR /a b", ins.Workdir("/a b")),
        ("USER app:app", ins.UserName("app:app")),
        ("EXPOSE 80/tcp 53/udp", ins.Expose(("53/udp", "80/tcp"))),
        ('VOLUME ["/a b", "/c"]', ins.Volume(("/a b", "/c"))),
        ("VOLUME /a /b", ins.Volume(("/a", "/b"))),
        ('SHELL ["/bin/bash", "-c"]', ins.Shell(("/bin/bash", "-c"))),
        ("STOPSIGNAL SIGINT", ins.StopSignal("SIGINT")),
        ("MAINTAINER someone <a@b.example>", ins.Maintainer("someone <a@b.example>")),
        ("ONBUILD copy . /x", ins.OnBuild("copy . /x")),
        ("HEALTHCHECK\tnone", ins.Health(Healthcheck(("NONE",)))),
        ("HEALTHCHECK --interval=1m30s --timeout=500ms --start-period=2s --retries=4 CMD curl x",
         ins.Health(Healthcheck(("CMD-SHELL", "curl x"), 90_000_000_000, 500_000_000, 2_000_000_000, 0, 4))),
        ('HEALTHCHECK --start-interval=1.5s CMD ["x"]',
         ins.Health(Healthcheck(("CMD", "x"), 0, 0, 0, 1_500_000_000))),
        ("COPY --from=b --chown=a:b --chmod=u+x --exclude=*.o --exclude=t a b /d",
         ins.CopyFiles("COPY", ("a", "b"), (), "/d", "b", "a:b", "u+x", ("*.o", "t"), None)),
        ('ADD --unpack=false ["a b", "/d"]', ins.CopyFiles("ADD", ("a b",), (), "/d", "", "", "", (), False)),
    ],
)  # fmt: skip
def test_instructions(text: str, expected: Body) -> None:
    assert body(text) == expected


def test_stages_and_global_arguments() -> None:
    parsed = parse("ARG V=1\nFROM --platform=linux/amd64 a:${V} AS One\nRUN x\nFROM one\nARG V\n")
    assert [instruction.body for instruction in parsed.arguments] == [ins.Arg((("V", "1"),))]
    assert [stage.start for stage in parsed.stages] == [
        ins.From("a:${V}", "one", "linux/amd64"), ins.From("one", "", ""),
    ]  # fmt: skip
    assert [len(stage.instructions) for stage in parsed.stages] == [1, 1]


@pytest.mark.parametrize(
    ("text", "message", "fix"),
    [
        ("", "there is no FROM", "FROM"),
        ("# only\n", "there is no FROM", "FROM"),
        ("RUN x", "no build stage", "FROM"),
        ("FRMO a", "unknown instruction: FRMO", "did you mean FROM?"),
        ("FROM a\nCOYP . .", "unknown instruction: COYP", "did you mean COPY?"),
        ("FROM a b", "one or three arguments", "AS NAME"),
        ("FROM", "one or three arguments", "AS NAME"),
        ("FROM a AS 1x", "invalid name for build stage", "letter"),
        ("FROM --platfrom=x a", "unknown flag: --platfrom", "did you mean --platform?"),
        ("FROM a\nRUN --mount=type=cache,target=/x y", "RUN --mount is not supported yet", "--mount"),
        ("FROM a\nCOPY --link a b", "COPY --link is not supported yet", "--link"),
        ("FROM a\nCOPY --parents a b", "COPY --parents is not supported yet", "--parents"),
        ("FROM a\nADD --checksum=x a b", "ADD --checksum is not supported yet", "--checksum"),
        ("FROM a\nONBUILD RUN --mount=x y", "RUN --mount is not supported yet", "--mount"),
        ("FROM a\nCOPY --chown a b", "missing a value on flag: --chown", "--chown=VALUE"),
        ("FROM a\nCOPY --chown=a --chown=b a b", "duplicate flag", "once"),
        ("FROM a\nCOPY a", "at least two arguments", "DESTINATION"),
        ("FROM a\nCOPY a <<EOF\nx\nEOF", "heredoc as a destination", ""),
        ("FROM a\nRUN", "RUN requires a command", "RUN"),
        ("FROM a\nRUN [1, 2]", "strings alone", "double quotes"),
        ("FROM a\nENV A", "ENV must have two arguments", "A=value"),
        ("FROM a\nENV A=1 B", "can't find = in 'B'", "NAME=value"),
        ("FROM a\nENV =1", "names can not be blank", "NAME=value"),
        ("FROM a\nARG =1", "names can not be blank", "NAME"),
        ("FROM a\nSHELL bash", "JSON form", "/bin/bash"),
        ("FROM a\nONBUILD ONBUILD RUN x", "ONBUILD ONBUILD", "once"),
        ("FROM a\nONBUILD FROM x", "isn't allowed", ""),
        ("FROM a\nONBUILD RNU x", "unknown instruction: RNU", "did you mean RUN?"),
        ("FROM a\nHEALTHCHECK CMD", "missing command", "HEALTHCHECK CMD"),
        ("FROM a\nHEALTHCHECK curl x", "unknown type 'curl'", "HEALTHCHECK CMD"),
        ("FROM a\nHEALTHCHECK --interval=5 CMD x", "invalid duration '5'", "30s"),
        ("FROM a\nHEALTHCHECK --interval=1us CMD x", "less than 1ms", ""),
        ("FROM a\nHEALTHCHECK --retries=-1 CMD x", "whole number", ""),
        ("FROM a\nWORKDIR", "exactly one argument", "WORKDIR"),
        ("FROM a\nRUN \udcff", "not UTF-8", "UTF-8"),
    ],
)  # fmt: skip
def test_errors_say_what_and_what_was_expected(text: str, message: str, fix: str) -> None:
    error = refused(text)
    assert message in error.message
    assert fix in error.fix


def test_errors_show_file_line_and_text() -> None:
    error = refused("FROM a\n\nRUN a && \\\n  b\nCOYP x \\\n  y\n")
    assert error.message == "D:5: unknown instruction: COYP\n     5 | COYP x \\\n     6 |   y"


def test_a_long_instruction_is_quoted_in_part() -> None:
    quote = Place("D", 1, 100, "\n".join(f"line {number}" for number in range(1, 101))).quote()
    assert len(quote.split("\n")) == 17
    assert quote.endswith("100 | line 100")


def test_a_trigger_of_a_base_image_points_to_its_from() -> None:
    place = Place("D", 7, 7, "FROM base")
    trigger = parse_trigger("COPY <<F /x\ny\nF", place)
    assert isinstance(trigger.body, ins.CopyFiles)
    assert trigger.place == place
    for bad in ("FROM x", "RUN a\nRUN b", "", "ONBUILD RUN x", "NOPE"):
        with pytest.raises(Invalid, match=r"D:7: "):
            parse_trigger(bad, place)


def test_deep_json_is_a_shell_command_not_a_crash() -> None:
    assert body("CMD " + "[" * 100_000) == ins.Cmd(shell("[" * 100_000))


def test_single_quotes_in_a_list_are_told() -> None:
    parsed: Dockerfile = parse("FROM a\nCMD ['x']")
    assert "no JSON list" in parsed.warnings[0].message

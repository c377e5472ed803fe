"""A Dockerfile's plan: graph, config and history."""

from collections.abc import Mapping

import pytest

from sealift.build.graph import Copy, Exec, ImageSource, MakeDirectory
from sealift.build.origins import BaseImage
from sealift.build.plan import Options, Plan, plan
from sealift.core.config import History, ImageConfig
from sealift.core.digest import Digest
from sealift.core.errors import Invalid, NotFound
from sealift.core.platform import Platform
from sealift.dockerfile import parse

AMD64 = Platform("linux", "amd64")
LAYER = Digest.of(b"layer")
BASE = ImageConfig(
    AMD64, (LAYER,), "2024-01-02T03:04:05.5Z", env=("PATH=/bin", "LANG=C"), cmd=("sh",), user="app",
    working_dir="/srv", labels=(("a", "1"),), exposed_ports=("80/tcp",), history=(History("x", "base"),),
    on_build=("RUN trigger",),
)  # fmt: skip
IMAGES = {"base": BASE, "plain": BASE._replace(on_build=(), user="", working_dir="")}


def find(name: str) -> BaseImage:
    if name not in IMAGES:
        raise NotFound(f"no such image: {name}", fix="make it")
    return BaseImage(name, IMAGES[name].diff_ids, IMAGES[name])


def planned(text: str, build_args: Mapping[str, str] | None = None, **changes: object) -> Plan:
    options = Options(build_args or {}, {}, "", "default", (), None, AMD64)
    return plan(parse(text, "D"), options._replace(**changes), find)  # type: ignore[arg-type]


def steps(found: Plan) -> list[object]:
    return [vertex.operation for vertex in found.graph.needed((found.target,))]


def execs(found: Plan) -> list[Exec]:
    return [one for one in steps(found) if isinstance(one, Exec)]


def created_by(found: Plan) -> list[str]:
    return [step.entry.created_by for step in found.history]


def test_a_base_image_gives_config_history_time_and_triggers() -> None:
    found = planned("FROM base\nRUN own")
    assert [one.args[-1] for one in execs(found)] == ["trigger", "own"]
    run = execs(found)[0]
    assert (run.user, run.workdir, run.env, run.epoch) == ("app", "/srv", ("PATH=/bin", "LANG=C"), 1704164645)
    assert found.config.created == "2024-01-02T03:04:05Z"
    assert found.config.on_build == ()
    assert (found.config.cmd, found.config.labels) == (("sh",), (("a", "1"),))
    assert created_by(found) == ["base", "RUN /bin/sh -c trigger # buildkit", "RUN /bin/sh -c own # buildkit"]


def test_scratch_begins_with_nothing_but_a_path() -> None:
    found = planned("FROM scratch\nCOPY a /")
    assert found.config.env == ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",)
    assert found.config.working_dir == "/"
    assert found.config.created == "1970-01-01T00:00:00Z"
    assert steps(found)[0] == ImageSource("scratch", ())


def test_the_callers_epoch_wins() -> None:
    found = planned("FROM plain\nRUN x", epoch=86400)
    assert found.config.created == "1970-01-02T00:00:00Z"
    assert execs(found)[0].epoch == 86400


def test_stages_that_are_not_needed_are_not_planned() -> None:
    text = "FROM nowhere AS unused\nRUN no\nFROM plain AS a\nRUN yes\nFROM scratch\nCOPY --from=A /x /y\n"
    found = planned(text)
    assert [one.args[-1] for one in execs(found)] == ["yes"]
    with pytest.raises(NotFound, match=r"D:1: no such image: nowhere"):
        planned(text, target="unused")
    assert [one.args[-1] for one in execs(planned(text, target="1"))] == ["yes"]


def test_a_stage_on_a_stage_inherits_all_but_a_set_command() -> None:
    found = planned(
        'ARG V=1\nFROM plain AS a\nARG V\nENV E=$V\nWORKDIR /w\nCMD ["x"]\nFROM a\nRUN r\nENTRYPOINT e'
    )
    run = execs(found)[0]
    assert run.workdir == "/w"
    assert run.env == ("PATH=/bin", "LANG=C", "V=1", "E=1")
    assert found.config.cmd is None
    assert found.config.entrypoint == ("/bin/sh", "-c", "e")


def test_onbuild_of_a_stage_runs_in_the_stage_on_it_and_is_not_kept() -> None:
    found = planned("FROM plain AS a\nONBUILD RUN later\nFROM a\n")
    assert [one.args[-1] for one in execs(found)] == ["later"]
    assert found.config.on_build == ()
    assert planned("FROM plain\nONBUILD RUN later").config.on_build == ("RUN later",)


def test_arguments_defaults_and_callers_values() -> None:
    text = "ARG A=1\nARG B=${A}2\nFROM plain\nARG A\nARG B\nARG C=$B$LANG\nARG D\nRUN x"
    assert execs(planned(text))[0].env == ("PATH=/bin", "LANG=C", "A=1", "B=12", "C=12C")
    assert execs(planned(text, {"A": "9", "D": ""}))[0].env == (
        "PATH=/bin", "LANG=C", "A=9", "B=92", "C=92C", "D=",
    )  # fmt: skip
    assert "RUN |4 A=1 B=12 C=12C D= /bin/sh -c x # buildkit" in created_by(planned(text))


def test_arguments_outside_their_scope_are_empty() -> None:
    assert execs(planned("ARG A=1\nFROM plain\nENV X=[$A]\nRUN x"))[0].env[-1] == "X=[]"


def test_arguments_choose_the_base_and_the_platform() -> None:
    text = "ARG NAME=nowhere\nFROM --platform=$BUILDPLATFORM ${NAME}\nARG TARGETARCH\nRUN x"
    assert execs(planned(text, {"NAME": "plain"}))[0].env[-1] == "TARGETARCH=amd64"
    with pytest.raises(Invalid, match=r"D:1: building for linux/arm64 is not supported yet"):
        planned("FROM --platform=linux/arm64 plain")
    with pytest.raises(Invalid, match=r"D:1: the base name \$\{X\} is empty"):
        planned("FROM ${X}")


def test_arguments_nobody_asks_for_are_told() -> None:
    found = planned("FROM plain\nARG A", {"A": "1", "B": "2", "HTTP_PROXY": "p"})
    assert found.unused == ("B",)


def test_env_sees_what_was_before_the_instruction() -> None:
    found = planned("FROM plain\nENV A=1\nENV A=2 B=$A 'C d'=x\n")
    assert found.config.env == ("PATH=/bin", "LANG=C", "A=2", "B=1", "C d=x")
    assert created_by(found)[-1] == "ENV A=2 B=1 C d=x"


def test_instructions_that_only_change_the_config() -> None:
    found = planned(
        "FROM plain\nLABEL x=\"a b\" a=2\nEXPOSE 53/UDP 22 8000-8002/udp\nVOLUME /data\nSTOPSIGNAL SIGINT\n"
        "USER u:g\n"
        "SHELL [\"/bin/bash\", \"-c\"]\nCMD run me\nHEALTHCHECK --interval=30s CMD ok\nMAINTAINER m\n"
    )  # fmt: skip
    config = found.config
    assert config.labels == (("a", "2"), ("x", "a b"))
    assert config.exposed_ports == ("22/tcp", "53/udp", "80/tcp", "8000/udp", "8001/udp", "8002/udp")
    assert (config.volumes, config.stop_signal, config.user) == (("/data",), "SIGINT", "u:g")
    assert config.cmd == ("/bin/bash", "-c", "run me")
    assert config.author == "m"
    assert created_by(found)[1:] == [
        "LABEL x=a b a=2", "EXPOSE [22/tcp 53/udp 8000/udp 8001/udp 8002/udp]", "VOLUME [/data]",
        "STOPSIGNAL SIGINT", "USER u:g", "SHELL [/bin/bash -c]", 'CMD ["/bin/bash" "-c" "run me"]',
        "HEALTHCHECK {Test:[CMD-SHELL ok] Interval:30s Timeout:0s StartPeriod:0s StartInterval:0s Retries:0}",
        "MAINTAINER m",
    ]  # fmt: skip
    assert all(step.entry.empty_layer and step.step is None for step in found.history[1:])


@pytest.mark.parametrize(
    ("text", "cmd", "entrypoint"),
    [
        ("CMD []", (), None), ("CMD", ("/bin/sh", "-c", ""), None), ("ENTRYPOINT []", None, None),
        ('CMD ["a"]\nENTRYPOINT ["b"]', ("a",), ("b",)), ('ENTRYPOINT ["b"]', None, ("b",)),
    ],
)  # fmt: skip
def test_empty_and_reset_commands(text: str, cmd: tuple[str, ...], entrypoint: tuple[str, ...]) -> None:
    found = planned(f"FROM plain\n{text}")
    assert (found.config.cmd, found.config.entrypoint) == (cmd, entrypoint)


def test_workdir_joins_and_makes_directories() -> None:
    found = planned("FROM plain\nUSER app\nWORKDIR /a/\nWORKDIR b/../c\nCOPY x y/\nCOPY z .\nWORKDIR /")
    assert [one for one in steps(found) if isinstance(one, MakeDirectory)] == [
        MakeDirectory("/a", "app", 1704164645), MakeDirectory("/a/c", "app", 1704164645),
    ]  # fmt: skip
    copies = [one.destination for one in steps(found) if isinstance(one, Copy)]
    assert copies == ["/a/c/y/", "/a/c/"]
    assert found.config.working_dir == "/"
    assert found.history[-1].step is None
    assert created_by(found)[-3:] == ["COPY x y/ # buildkit", "COPY z . # buildkit", "WORKDIR /"]


def test_copy_expands_words_flags_and_heredocs() -> None:
    found = planned(
        "FROM plain\nENV D=/dst U=7\n"
        "COPY --chown=$U:$U --chmod=u+x $D.txt <<A <<'B' $D/\n$U \"q\" \\$U\nA\n$U\nB\n"
    )
    copy = steps(found)[-1]
    assert isinstance(copy, Copy)
    assert (copy.sources, copy.destination, copy.chown, copy.chmod) == (("/dst.txt",), "/dst/", "7:7", "u+x")
    assert [tuple(file) for file in copy.files] == [("A", '7 "q" $U\n'), ("B", "$U\n")]
    assert created_by(found)[-1] == "COPY --chown=7:7 --chmod=u+x /dst.txt <<A <<B /dst/ # buildkit"


def test_run_heredocs() -> None:
    plain = execs(planned("FROM plain\nRUN <<EOF\necho $X\nEOF"))[0]
    assert (plain.args, plain.script) == (("/bin/sh", "-c", "echo $X\n"), None)
    script = execs(planned("FROM plain\nRUN <<-EOF\n\t#!/usr/bin/env python3\n\tprint(1)\nEOF"))[0]
    assert script.args == ("/dev/pipes/EOF",)
    assert script.script == ("EOF", "#!/usr/bin/env python3\nprint(1)\n")
    mixed = execs(planned("FROM plain\nRUN cat <<A <<B\na\nA\nb\nB"))[0]
    assert mixed.args[-1] == "cat <<A <<B\na\nA\nb\nB"


def test_networks_of_steps() -> None:
    text = "FROM plain\nRUN a\nRUN --network=host b\nRUN --network=none c\nRUN --network=default d"
    assert [one.network for one in execs(planned(text, network="none"))] == ["none", "host", "none", "none"]


def test_copy_from_an_image_and_by_number() -> None:
    found = planned("FROM plain\nRUN x\nFROM scratch\nCOPY --from=0 /a /\nCOPY --from=base /b /\n")
    sources = [one for one in steps(found) if isinstance(one, ImageSource)]
    assert [one.name for one in sources] == ["scratch", "plain", "base"] or len(sources) == 2


def test_titles_number_the_steps_of_each_stage() -> None:
    found = planned("FROM plain AS one\nRUN  a \\\n  b\nFROM scratch\nCOPY --from=one /x /\nworkdir /w\n")
    titles = [vertex.title for vertex in found.graph.needed((found.target,))]
    assert titles == [
        "FROM scratch", "[one 1/2] FROM plain", "[one 2/2] RUN a b", "[stage-1 1/2] COPY --from=one /x /",
        "[stage-1 2/2] WORKDIR /w",
    ]  # fmt: skip


def test_labels_of_the_caller_come_last() -> None:
    found = planned("FROM plain\nLABEL a=2", labels={"a": "3", "z": "1"})
    assert found.config.labels == (("a", "3"), ("z", "1"))


@pytest.mark.parametrize(
    "text",
    [
        "FROM plain AS nope\nCOPY --from=nope a b",
        "FROM plain AS x\nCOPY --from=nope a b\nFROM plain AS nope\nFROM x",
        "FROM nope\nFROM plain AS nope\nCOPY --from=0 a b",
    ],
)
def test_a_stage_that_comes_later_is_told_from_an_image(text: str) -> None:
    with pytest.raises(NotFound, match="no such image: nope") as caught:
        planned(text)
    assert caught.value.fix == "the stage nope has to stand above the one that names it"


def test_the_first_stage_has_no_stage_to_copy_from() -> None:
    with pytest.raises(Invalid) as caught:
        planned("FROM plain\nCOPY --from=0 a b")
    assert caught.value.fix == "there is no stage above this one"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("FROM plain\nCOPY --from=9 a b", "D:2: invalid stage index 9"),
        ("FROM plain\nCOPY --from=$X a b", "D:2: variables are not expanded in --from"),
        ("FROM plain\nCOPY --from=nope a b", "D:2: no such image: nope"),
        ("FROM plain\nCOPY http://x.example/a b", "D:2: the source of COPY can't be a URL"),
        ("FROM plain\nADD https://x.example/a b", "D:2: ADD from https is not supported yet"),
        ("FROM plain\nADD git@x.example:a/b c", "D:2: ADD from git@x.example is not supported yet"),
        ("FROM plain\nEXPOSE http", "D:2: invalid containerPort: 'http'"),
        ("FROM plain\nEXPOSE 9-1", "D:2: invalid containerPort"),
        ("FROM plain\nEXPOSE 80/icmp", "D:2: invalid containerPort"),
        ("FROM plain\nSTOPSIGNAL SIGNOPE", "D:2: invalid signal: SIGNOPE"),
        ("FROM plain\nVOLUME $NOPE", "D:2: VOLUME specified can not be an empty"),
        ("FROM plain\nCOPY --chmod=999 a b", "D:2: invalid --chmod '999'"),
        ("FROM plain\nENV A=${B:?needed}", "D:2: cannot expand '${B:?needed}': B: needed"),
        ("FROM plain AS a\nFROM a\nCOPY --from=later x y\nFROM plain AS later\nFROM a", None),
        ("ARG X\nFROM $X", "D:2: the base name $X is empty"),
    ],
)  # fmt: skip
def test_errors_point_to_their_line(text: str, error: str | None) -> None:
    if error is None:
        assert planned(text)
        return
    with pytest.raises((Invalid, NotFound)) as caught:
        planned(text)
    assert caught.value.message.startswith(error)
    assert "\n     2 | " in caught.value.message


def test_an_unknown_target_names_those_there_are() -> None:
    with pytest.raises(NotFound) as caught:
        planned("FROM plain AS one\nFROM one AS two", target="tree")
    assert caught.value.fix == "one of one, two"


def test_thousands_of_stages_are_no_recursion() -> None:
    text = "FROM plain AS s0\n" + "".join(f"FROM s{n} AS s{n + 1}\nRUN {n}\n" for n in range(3000))
    assert len(execs(planned(text))) == 3000

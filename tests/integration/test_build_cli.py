"""`sealift build` as it is typed: flags, what it prints, exit codes, and its speed."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fixtures_build import Workshop
from sealift.core.config import ImageConfig

pytestmark = pytest.mark.root


def sealift(
    workshop: Workshop, *words: str, stdin: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sealift", "--root", str(workshop.store.root), *words]
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, check=False, timeout=60,
        cwd=workshop.context, env={**os.environ, "PYTHONWARNINGS": "error", **environment},
    )  # fmt: skip


def config(workshop: Workshop, name: str) -> ImageConfig:
    return workshop.store.images.find(name).config


def write(workshop: Workshop, text: str, name: str = "Dockerfile") -> None:
    (workshop.context / name).write_text(text)


def test_a_build_prints_its_steps_and_names_the_image(based: Workshop) -> None:
    write(based, "FROM base\nRUN echo hello from a step\nENV A=1\n")
    done = sealift(based, "build", "-t", "app", "-t", "example.com/x/app:2", "--network=none", ".")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    for text in (
        "#1 [1/2] FROM base\n#1 CACHED",
        "[2/2] RUN echo hello",
        "hello from a step",
        "as app:latest",
    ):
        assert text in done.stderr
    assert config(based, "app") == config(based, "example.com/x/app:2")
    assert "A=1" in config(based, "app").env


def test_quiet_prints_the_image_id_alone(based: Workshop) -> None:
    write(based, "FROM base\nRUN echo x\n")
    for words in (("-q",), ("--progress=quiet",)):
        done = sealift(based, "build", *words, "--network=none", "--iidfile", "id", ".")
        assert (done.stderr, done.returncode) == ("", 0)
        assert done.stdout == (based.context / "id").read_text() + "\n"
        assert based.store.images.find(done.stdout.strip())


def test_rawjson_is_one_document_a_line(based: Workshop) -> None:
    write(based, "FROM base\nRUN echo x; exit 3\n")
    done = sealift(based, "build", "--progress", "rawjson", "--network=none", ".")
    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert any("logs" in line for line in lines)
    assert any(vertex.get("error") for line in lines for vertex in line.get("vertexes", []))
    assert done.returncode == 1


def test_flags_reach_the_build(based: Workshop) -> None:
    write(
        based,
        "ARG V=0\nFROM base AS one\nARG V\nARG W\nENV V=$V W=$W\nFROM base AS two\n",
        "other.Dockerfile",
    )
    done = sealift(
        based, "build", "-f", "other.Dockerfile", "--target", "one", "--build-arg", "V=7", "--build-arg", "W",
        "--build-arg", "NOT_SET", "--label", "a=b c", "-t", "x", "--platform", "linux/amd64", ".", W="w",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert set(config(based, "x").env) >= {"V=7", "W=w"}
    assert dict(config(based, "x").labels)["a"] == "b c"
    assert "NOT_SET" not in done.stderr


def test_a_dockerfile_on_standard_input(based: Workshop) -> None:
    (based.context / "a").write_text("a")
    assert sealift(based, "build", "-t", "x", "-f", "-", ".", stdin="FROM base\nCOPY a /a\n").returncode == 0
    assert sealift(based, "build", "-t", "y", "-", stdin="FROM base\nENV B=2\n").returncode == 0
    assert "B=2" in config(based, "y").env
    done = sealift(based, "build", "-", stdin="FROM base\nCOPY a /a\n")
    assert done.returncode == 1
    assert "there is no build context to copy from" in done.stderr


def test_source_date_epoch_sets_the_time(based: Workshop) -> None:
    write(based, "FROM base\nCOPY Dockerfile /d\n")
    assert sealift(based, "build", "-t", "x", ".", SOURCE_DATE_EPOCH="86400").returncode == 0
    assert config(based, "x").created == "1970-01-02T00:00:00Z"
    done = sealift(based, "build", "--build-arg", "SOURCE_DATE_EPOCH=soon", ".")
    assert "SOURCE_DATE_EPOCH is not a time: 'soon'" in done.stderr


def test_a_failing_step_is_told_with_place_output_and_code(based: Workshop) -> None:
    write(based, "FROM base\nRUN echo before && \\\n    exit 42\n")
    done = sealift(based, "build", "-t", "x", "--network=none", ".")
    assert done.returncode == 1
    tail = done.stderr[done.stderr.index("sealift: ") :]
    assert tail == (
        "sealift: Dockerfile:2: RUN failed with exit code 42: echo before && exit 42\n  | before\n"
        "     2 | RUN echo before && \\\n     3 |     exit 42\n"
    )
    assert "exit code: 42" in done.stderr


@pytest.mark.parametrize(
    ("text", "words", "code", "message"),
    [
        (None, ["."], 1, "there is no Dockerfile in ."),
        (None, ["nowhere"], 1, "the build context nowhere does not exist"),
        (None, ["-f", "nope", "."], 1, "there is no file nope"),
        (None, ["-f", ".", "."], 1, "is a directory, not a Dockerfile"),
        ("FROM base", ["Dockerfile"], 1, "the build context Dockerfile is not a directory"),
        ("FROM base\nRNU x", ["."], 1,
         "Dockerfile:2: unknown instruction: RNU\n     2 | RNU x\n  try: did you mean RUN?"),
        ("FROM base\nRUN --mount=type=cache,target=/x y", ["."], 1,
         "Dockerfile:2: RUN --mount is not supported yet"),
        ("FROM nobase", ["."], 1, "Dockerfile:1: no such image: nobase"),
        ("FROM python:9", ["."], 1, "try: sealift bootstrap python:9"),
        ("FROM base\nCOPY x /", ["."], 1, "Dockerfile:2: 'x' is not in the build context"),
        ("FROM base", ["--target", "x", "."], 1, "target stage 'x' could not be found"),
        ("FROM base", ["--secret", "id=x", "."], 125, "--secret"),
        ("FROM base", ["--cache-from", "x", "."], 125, "--cache-from"),
        ("FROM base", ["--push", "."], 125, "--push"),
        ("FROM base", ["--nope", "."], 125, "--nope"),
        ("FROM base", ["-t", "Bad Name", "."], 125, "invalid reference"),
        ("FROM base", ["--platform", "linux/arm64", "."], 125, "building for linux/arm64 is not"),
        ("FROM base", ["--network", "mine", "."], 125, "default, none or host"),
        ("FROM base", ["--add-host", "x:y", "."], 125, "is no address"),
        ("FROM base", ["--progress", "fancy", "."], 125, "rawjson"),
        ("FROM base", [], 125, "CONTEXT"),
        ("FROM base", ["https://example.com/x.git"], 1, "not supported yet"),
        ("FROM base", ["-f", "Dockerfile", "-"], 1, "no context on standard input"),
        ("\0", ["."], 1, "NUL byte"),
        ("FROM base\nRUN caf\udce9", ["."], 1, "Dockerfile:2: the text is not UTF-8"),
    ],
)  # fmt: skip
def test_wrong_input_is_one_message(
    based: Workshop, text: str | None, words: list[str], code: int, message: str
) -> None:
    if text is not None:
        (based.context / "Dockerfile").write_bytes(text.encode("utf-8", "surrogateescape"))
    done = sealift(based, "build", *words)
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == code
    assert len(based.store.images.all()) == 1


def test_comments_in_another_encoding_do_no_harm(based: Workshop) -> None:
    (based.context / "Dockerfile").write_bytes(b"# caf\xe9\nFROM base\n")
    assert sealift(based, "build", "-q", ".").returncode == 0


def test_an_ignore_file_that_leads_out_of_the_context_is_not_followed(
    based: Workshop, tmp_path: Path
) -> None:
    (tmp_path / "outside").write_text("a\n")
    (based.context / ".dockerignore").symlink_to(tmp_path / "outside")
    (based.context / "a").write_text("a")
    write(based, "FROM base\nCOPY a /a\n")
    assert sealift(based, "build", "-q", ".").returncode == 0


def test_prune_forgets_steps_and_frees_what_only_they_kept(based: Workshop) -> None:
    write(based, "FROM base\nRUN echo kept > /kept\n")
    kept = sealift(based, "build", "-q", "-t", "x", "--network=none", ".").stdout.strip()
    write(based, "FROM base AS no\nRUN echo lost > /lost\nFROM base\nCOPY --from=no /bin/sh /y\n")
    sealift(based, "build", "-q", "-t", "y", "--network=none", ".")
    before = set(based.store.layers.all())
    done = sealift(based, "builder", "prune", "-f")
    assert done.returncode == 0, done.stderr
    gone = before - set(based.store.layers.all())
    assert len(gone) == 1
    assert set(based.store.images.find(kept).layers) <= set(based.store.layers.all())
    assert sealift(based, "builder", "prune", "-f", "-a").returncode == 0
    assert before - set(based.store.layers.all()) == gone
    assert not list((based.store.root / "build/steps").iterdir())


def test_an_unchanged_build_is_quick(based: Workshop) -> None:
    for number in range(300):
        (based.context / f"f{number}").write_text("x" * number)
    write(based, 'FROM base\nWORKDIR /app\nCOPY . .\nRUN echo x > /x\nUSER app\nCMD ["x"]\n')
    assert sealift(based, "build", "-t", "x", "--network=none", ".").returncode == 0
    took = []
    for _ in range(5):
        began = time.monotonic()
        done = sealift(based, "build", "-t", "x", "--network=none", ".")
        took.append(time.monotonic() - began)
        assert done.stderr.count("CACHED") == 4
    assert min(took) < 0.25, took

"""The images the benchmarks run, made by Sealift and saved once for every peer to load."""

import os
import shutil
from pathlib import Path

from benchmarks.measure import execute
from benchmarks.peers import Sealift

TINY = "bench-tiny:latest"
ONE = "bench-one:latest"
HUNDRED = "bench-hundred:latest"
BASE = "python:3.11-slim"
LARGE = "bench-large:latest"
APP = "bench-app:latest"
_LARGE_FILES, _LARGE_FILE_BYTES = 4800, 20_000
"""What the base lacks to 250 MB and 13,000 files."""

_TINY_DOCKERFILE = """\
FROM scratch
COPY busybox /bin/busybox
COPY busybox /bin/true
COPY busybox /bin/sh
COPY etc /etc
CMD ["sh"]
"""

_APP_DOCKERFILE = """\
FROM python:3.11-slim AS build
WORKDIR /src
COPY data /src/data
RUN python3 -c "import pathlib; print(len(list(pathlib.Path('/src/data').iterdir())))" > /src/count
FROM python:3.11-slim
WORKDIR /app
COPY --from=build /src/count /app/count
COPY app.py /app/
RUN python3 -m compileall -q /app
USER 1000
CMD ["python3", "/app/app.py"]
"""


def prepare(sealift: Sealift, directory: Path) -> dict[str, Path]:
    """Build every image and save it; the archives by image name."""
    contexts = {
        TINY: _tiny(directory),
        ONE: _layered(directory, 1),
        HUNDRED: _layered(directory, 100),
        LARGE: _large(directory),
    }
    execute(sealift.command("bootstrap", BASE))
    for image, context in contexts.items():
        execute(sealift.command("build", "-q", "-t", image, str(context)))
    execute(sealift.command("build", "-q", "-t", APP, str(_app(directory))))
    archives = {}
    for image in contexts:
        archives[image] = directory / f"{image.partition(':')[0]}.tar"
        execute(sealift.command("save", "-o", str(archives[image]), image))
    return archives


def _tiny(directory: Path) -> Path:
    return _busybox_context(directory / "tiny", _TINY_DOCKERFILE)


def _layered(directory: Path, layers: int) -> Path:
    """The tiny image and as many COPY layers as make `layers` in all (the tiny one has four)."""
    if layers == 1:
        text = 'FROM scratch\nCOPY root /\nCMD ["sh"]\n'
        context = _busybox_context(directory / "one", text)
        for name in ("busybox", "true", "sh"):
            (context / "root/bin").mkdir(parents=True, exist_ok=True)
            shutil.copy(context / "busybox", context / "root/bin" / name)
        shutil.copytree(context / "etc", context / "root/etc")
        return context
    steps = "".join(f"COPY file{number} /data/{number}/file\n" for number in range(layers - 4))
    context = _busybox_context(directory / "hundred", _TINY_DOCKERFILE + steps)
    for number in range(layers - 4):
        (context / f"file{number}").write_text(f"{number}\n" * 500)
    return context


def _large(directory: Path) -> Path:
    """The base and files that do not compress, as those of Python distributions with compiled parts."""
    context = directory / "large"
    for number in range(_LARGE_FILES):
        file = context / "files" / str(number % 100) / f"{number}.bin"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(os.urandom(_LARGE_FILE_BYTES))
    (context / "Dockerfile").write_text(f"FROM {BASE}\nCOPY files /opt/files\n")
    return context


def _busybox_context(context: Path, dockerfile: str) -> Path:
    context.mkdir()
    shutil.copy("/bin/busybox", context / "busybox")
    (context / "etc").mkdir()
    (context / "etc/passwd").write_text("root:x:0:0:root:/:/bin/sh\n")
    (context / "etc/group").write_text("root:x:0:\n")
    (context / "Dockerfile").write_text(dockerfile)
    return context


def _app(directory: Path) -> Path:
    context = directory / "context"
    (context / "data").mkdir(parents=True)
    for number in range(500):
        (context / "data" / f"{number}.txt").write_text(f"line {number}\n" * 200)
    (context / "app.py").write_text("print('hello')\n")
    (context / "Dockerfile").write_text(_APP_DOCKERFILE)
    return context

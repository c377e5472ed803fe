"""Dockerfiles: parsed into stages of instructions; variables expanded; `.dockerignore`.

`expand.expand` replaces variables, `ignore.Patterns` are the lines of a `.dockerignore`.
"""

from sealift.dockerfile.instructions import Instruction, Stage
from sealift.dockerfile.lines import Heredoc, Warning
from sealift.dockerfile.parse import Dockerfile, parse, parse_trigger
from sealift.dockerfile.place import Place

__all__ = ["Dockerfile", "Heredoc", "Instruction", "Place", "Stage", "Warning", "parse", "parse_trigger"]

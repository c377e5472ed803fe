"""Sealift: build, run and ship AI containers with one tool, no daemon and no root required."""

__version__ = "0.1.0"

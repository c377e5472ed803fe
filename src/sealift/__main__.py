"""`python -m sealift`: the same as the `sealift` command."""

from sealift.cli.main import entry

if __name__ == "__main__":
    entry()

"""What must hold for every file in the repository."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60


@cache
def files() -> tuple[Path, ...]:
    """All files that git knows or would add."""
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return tuple(path for line in listed.stdout.splitlines() if (path := ROOT / line).is_file())


def sources() -> list[Path]:
    return [path for path in files() if path.suffix == ".py" and path.is_relative_to(ROOT / "src")]


# Spelled in pieces, so that this file does not hold what it looks for.
HOSTS = [".".join(words) for words in (
    ("pypi", "org"), ("pythonhosted", "org"), ("deb", "debian", "org"), ("security", "debian", "org"),
    ("snapshot", "debian", "org"), ("registry", "npmjs", "org"),
)]  # fmt: skip


def test_no_package_registry_is_named() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {host}"
        for path in files()
        for host in HOSTS
        if host in path.read_text(errors="replace")
    ]
    assert not found


def test_lock_file_holds_names_versions_and_hashes_only() -> None:
    line = re.compile(
        r"#.*|[a-z0-9.-]+==[^ ;]+( ; [^\\]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?", re.IGNORECASE
    )
    wrong = [
        text for text in (ROOT / "requirements.lock").read_text().splitlines() if not line.fullmatch(text)
    ]
    assert not wrong


def test_reference_says_what_the_commands_say() -> None:
    done = subprocess.run([sys.executable, ROOT / "scripts" / "reference", "--check"], check=False)
    assert done.returncode == 0, "docs/reference/commands.md is not current: run scripts/reference"


def test_source_files_have_one_job() -> None:
    assert not [
        f"{path.relative_to(ROOT)}: {count} lines"
        for path in sources()
        if (count := len(path.read_text().splitlines())) > MAX_FILE_LINES
    ]


def test_functions_are_short() -> None:
    assert not [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.name}"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno > MAX_FUNCTION_LINES
    ]


def test_documents_link_to_what_exists() -> None:
    assert not [
        f"{page.relative_to(ROOT)}: {target}"
        for page in files()
        if page.suffix == ".md"
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text())
        if "://" not in target and not (page.parent / target).exists()
    ]

"""The completion scripts, written from the parsers of the commands."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import NamedTuple

from sealift.cli.arguments import Parser
from sealift.cli.table import ALIASES, COMMANDS

FILES = "files"
_NAMES = {
    **dict.fromkeys(("attach", "exec", "kill", "pause", "port", "stats", "stop", "top"), "running"),
    **dict.fromkeys(("logs", "rename", "restart", "rm", "start", "unpause", "wait"), "containers"),
    **dict.fromkeys(("inspect",), "containers images"),
    **dict.fromkeys(("run", "create", "rmi", "tag", "history", "save"), "images"),
    **dict.fromkeys(("volume rm",), "volumes"),
    **dict.fromkeys(("network rm", "network inspect"), "networks"),
    **dict.fromkeys(("build", "load"), FILES),
}
_VALUES = {
    "--network": "networks", "--volume": "volumes", "--env-file": FILES, "--label-file": FILES,
    "--cidfile": FILES, "--file": FILES, "--output": FILES, "--input": FILES, "--root": FILES,
}  # fmt: skip


class Option(NamedTuple):
    """A flag's spellings, what it does, whether a value follows, and what kind of value that is."""

    spellings: tuple[str, ...]
    help: str
    takes_value: bool
    value: str = ""


class Completed(NamedTuple):
    """A command as completion sees it. `names` are the kinds of names that its arguments are."""

    words: str
    summary: str
    options: tuple[Option, ...]
    names: str
    ends_options: bool


def commands() -> list[Completed]:
    """Every command, docker's other names for them included."""
    found = {name: _completed(name) for name in COMMANDS}
    aliases = [
        found[target[0]]._replace(words=alias) for alias, target in ALIASES.items() if target[0] in found
    ]
    return sorted([*found.values(), *aliases])


def _completed(name: str) -> Completed:
    parser = Parser(prog=f"sealift {name}")
    import_module(f"sealift.cli.{COMMANDS[name].module}").configure(parser)
    options = tuple(_option(action) for action in parser._actions if action.option_strings)
    return Completed(name, COMMANDS[name].summary, options, _NAMES.get(name, ""), not parser.interspersed)


def _option(action: argparse.Action) -> Option:
    takes_value = action.nargs not in (0, "?")
    text = "" if action.help in (None, argparse.SUPPRESS) else str(action.help).replace("%%", "%")
    return Option(tuple(action.option_strings), text, takes_value, _VALUES.get(action.option_strings[-1], ""))


def bash(all_commands: Sequence[Completed]) -> str:
    """A script for bash, without the bash-completion package."""
    cases = "".join(
        f"    {_quoted(one.words)}) flags={_quoted(_spellings(one))} valued={_quoted(_valued(one))}"
        f" names={_quoted(one.names)} ends={'1' if one.ends_options else ''} ;;\n"
        for one in all_commands
    )
    values = "".join(f"    {flag}) kind={kind} ;;\n" for flag, kind in _VALUES.items())
    return _fill(_BASH, {"CASES": cases, "VALUES": values, "FIRST": _first(all_commands),
                         "SECOND": _second_cases(all_commands)})  # fmt: skip


def zsh(all_commands: Sequence[Completed]) -> str:
    """A script for zsh: the same words, through zsh's own emulation of bash's completion."""
    return f"#compdef sealift\nautoload -U +X bashcompinit && bashcompinit\n{bash(all_commands)}"


def fish(all_commands: Sequence[Completed]) -> str:
    """A script for fish: one line a command, flag and kind of name."""
    start = "complete -c sealift -n __fish_use_subcommand -a"
    lines = ["complete -c sealift -f"]
    lines += [
        f"{start} {first} {_described(first, all_commands)}".rstrip()
        for first in _first(all_commands).split()
    ]
    for one in all_commands:
        first, _, second = one.words.partition(" ")
        seen = f"__fish_seen_subcommand_from {first}"
        if second:
            lines.append(f"complete -c sealift -n '{seen}' -a {second} -d {_fish(one.summary)}")
            seen += f"; and __fish_seen_subcommand_from {second}"
        lines += [_fish_option(option, seen) for option in one.options]
        for kind in one.names.split():
            source = "-F" if kind == FILES else _fish_names(kind)
            lines.append(f"complete -c sealift -n '{seen}' {source}")
    return "\n".join(lines) + "\n"


SCRIPTS: Mapping[str, Callable[[Sequence[Completed]], str]] = {"bash": bash, "zsh": zsh, "fish": fish}


def _fish_option(option: Option, seen: str) -> str:
    words = [f"complete -c sealift -n '{seen}'"]
    words += [f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.spellings]
    if option.takes_value:
        words.append("-r")
        if option.value == FILES:
            words.append("-F")
        elif option.value:
            words.append(_fish_names(option.value))
    return " ".join(words) + (f" -d {_fish(option.help)}" if option.help else "")


def _fish_names(kind: str) -> str:
    return f"-a '(sealift completion names {kind} 2>/dev/null)'"


def _described(first: str, all_commands: Sequence[Completed]) -> str:
    return next((f"-d {_fish(one.summary)}" for one in all_commands if one.words == first), "")


def _first(all_commands: Sequence[Completed]) -> str:
    return " ".join(dict.fromkeys(one.words.split()[0] for one in all_commands))


def _second_cases(all_commands: Sequence[Completed]) -> str:
    groups: dict[str, list[str]] = {}
    for one in all_commands:
        first, space, second = one.words.partition(" ")
        if space:
            groups.setdefault(first, []).append(second)
    return "".join(f"    {first}) subs={_quoted(' '.join(subs))} ;;\n" for first, subs in groups.items())


def _spellings(one: Completed) -> str:
    return " ".join(name for option in one.options for name in option.spellings)


def _valued(one: Completed) -> str:
    return " ".join(name for option in one.options if option.takes_value for name in option.spellings)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _fill(template: str, parts: Mapping[str, str]) -> str:
    for name, text in parts.items():
        template = template.replace(f"@{name}@", text)
    return template


_BASH = r"""# completion of sealift
_sealift_names() {
  local kind
  for kind in $1; do
    sealift "${sealift_root[@]}" completion names "$kind" 2>/dev/null
  done
}

_sealift() {
  local words=() cur at=1 first='' subs='' command='' sealift_root=()
  local flags='' valued='' names='' ends='' kind='' before='' ended=''
  # Not COMP_WORDS: bash takes the colon of an image's tag, and an equals sign, for the end of a word.
  local line="${COMP_LINE:0:COMP_POINT}"
  read -ra words <<< "$line"
  case "$line" in *[[:space:]]) words+=('') ;; esac
  local last=$((${#words[@]} - 1))
  cur="${words[last]}"
  COMPREPLY=()
  if [ "${words[1]}" = --root ] && [ "$last" -gt 2 ]; then
    sealift_root=(--root "${words[2]}")
    at=3
  fi
  if [ "$at" -ge "$last" ]; then
    COMPREPLY=($(compgen -W '@FIRST@ --root --help --version' -- "$cur"))
    return
  fi
  first="${words[at]}"
  at=$((at + 1))
  case "$first" in
@SECOND@  esac
  command="$first"
  if [ -n "$subs" ]; then
    if [ "$at" -ge "$last" ]; then
      COMPREPLY=($(compgen -W "$subs" -- "$cur"))
      return
    fi
    command="$first ${words[at]}"
    at=$((at + 1))
  fi
  case "$command" in
@CASES@  esac
  while [ "$at" -lt "$last" ]; do
    before=''
    case "${words[at]}" in
    -*) case " $valued " in *" ${words[at]} "*) before="${words[at]}"; at=$((at + 1)) ;; esac ;;
    *) [ -n "$ends" ] && ended=1 ;;
    esac
    at=$((at + 1))
  done
  [ "$at" -le "$last" ] && before=''
  case "$cur" in --*=*) [ -z "$ended" ] && before="${cur%%=*}" && cur="${cur#*=}" ;; esac
  if [ -n "$ended" ]; then
    COMPREPLY=($(compgen -f -- "$cur"))
    return
  elif [ -n "$before" ]; then
    case "$before" in
@VALUES@    esac
    names="$kind"
  elif [ "${cur#-}" != "$cur" ]; then
    COMPREPLY=($(compgen -W "$flags" -- "$cur"))
    return
  fi
  if [ "$names" = files ]; then
    COMPREPLY=($(compgen -f -- "$cur"))
  elif [ -n "$names" ]; then
    COMPREPLY=($(compgen -W "$(_sealift_names "$names")" -- "$cur"))
    case "$cur" in *:*) COMPREPLY=("${COMPREPLY[@]#"${cur%"${cur##*:}"}"}") ;; esac
  fi
}
complete -F _sealift sealift
"""

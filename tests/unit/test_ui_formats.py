"""`--format`: Go templates, JSON and tables."""

import json
from typing import Any

import pytest

from sealift.core.errors import Invalid
from sealift.ui import formats

CONTAINER: dict[str, Any] = {
    "Name": "web",
    "Id": "0123456789abcdef",
    "State": {"Status": "running", "Running": True, "ExitCode": 0},
    "Args": ["-c", "x y"],
    "Config": {"Labels": {"a.b": "1", "c": "<2>"}, "Env": None},
    "NetworkSettings": {
        "Ports": {"80/tcp": [{"HostIp": "192.0.2.1", "HostPort": "8080"}], "90/tcp": None},
        "Networks": {"one": {"IPAddress": "10.0.0.2"}, "two": {"IPAddress": "10.0.1.2"}},
    },
    "Size": 1.5,
    "Label": lambda key: f"label {key}",
}

# What Go's text/template prints for each, with docker's functions.
CASES = [
    ("{{.Name}}", "web"),
    ("{{ .State.Status }} {{.State.Running}} {{.State.ExitCode}}", "running true 0"),
    ("{{json .Args}}", '["-c","x y"]'),
    ("{{json .State.Status}}", '"running"'),
    ("{{.Args}} {{.Config.Labels}}", "[-c x y] map[a.b:1 c:<2>]"),
    ('{{join .Args ","}}|{{upper .Name}}|{{lower "ABC"}}', "-c,x y|WEB|abc"),
    ("{{title .Name}}|{{len .Args}}", "Web|2"),
    ("{{range .Args}}[{{.}}]{{end}}", "[-c][x y]"),
    ("{{range .Args}}{{println .}}{{end}}", "-c\nx y\n"),
    ("{{range $i, $v := .Args}}{{$i}}={{$v}};{{end}}", "0=-c;1=x y;"),
    ("{{range $k, $v := .NetworkSettings.Networks}}{{$k}}:{{$v.IPAddress}} {{end}}",
     "one:10.0.0.2 two:10.0.1.2 "),
    ("{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", "10.0.0.210.0.1.2"),
    ("{{range .Config.Env}}x{{else}}none{{end}}", "none"),
    ('{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}', "8080"),
    ('{{index .Config.Labels "a.b"}}{{index .Config.Labels "zzz"}}', "1"),
    ("{{if .State.Running}}up{{else}}down{{end}}", "up"),
    ("{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}", "none"),
    ('{{if eq .State.Status "exited"}}a{{else if eq .State.Status "running"}}b{{else}}c{{end}}', "b"),
    ("{{with .State}}{{.Status}} {{$.Name}}{{end}}", "running web"),
    ("{{with $x := .Config.Env}}a{{else}}b{{end}}", "b"),
    ("{{$x := 1}}{{range .Args}}{{$x = 2}}{{end}}{{$x}}", "2"),
    ("{{.Args | json | len}}", "12"),
    ('{{printf "%-5s|%03d|%q|%v|%%" .Name 7 "a" .Args}}', 'web  |007|"a"|[-c x y]|%'),
    ("{{slice .Id 0 12}} {{truncate .Id 3}}", "0123456789ab 012"),
    ("a  {{- .Name -}}  b{{/* comment */}}", "awebb"),
    ("{{and .Name 0}} {{or .Config.Env .Name}} {{not .Name}}", "0 web false"),
    ('{{ne 1 2}}{{lt 1 2}}{{ge 1 2}}{{eq .Name "a" "web"}}', "truetruefalsetrue"),
    ("{{.Label `x`}}", "label x"),
    ('{{"a\\tb"}}{{`c`}}{{.Size}}{{true}}{{nil}}', "a\tbc1.5true<no value>"),
    ("{{.Config.Labels.nothing}}", "<no value>"),
    ('{{range split "a,b" ","}}{{.}} {{end}}{{pad "x" 1 2}}.', "a b  x  ."),
    ('{{print 1 2 "a" 3}}', "1 2a3"),
]  # fmt: skip


@pytest.mark.parametrize(("template", "expected"), CASES)
def test_template_prints_what_go_prints(template: str, expected: str) -> None:
    assert formats.inspect(template, [CONTAINER]) == expected + "\n"


@pytest.mark.parametrize(
    ("template", "named"),
    [
        ("{{.Nome}}", ".Nome"),
        ("{{.State.Health.Status}}", "Health"),
        ("{{.Name.First}}", ".First"),
        ("{{frobnicate .Name}}", "frobnicate"),
        ('{{template "x"}}', "template"),
        ("{{range .Args}}{{break}}{{end}}", "break"),
        ('{{define "x"}}{{end}}', "define"),
        ("{{if .Name}}", "{{end}}"),
        ("{{end}}", "end"),
        ("{{.Name", "never closed"),
        ("{{(.Name}}", "'('"),
        ("{{.Name \x01}}", "cannot read"),
        ("{{}}", "missing"),
        ("{{.Name 1}}", "not a function"),
        ("{{index .Args 5}}", "index"),
        ("{{join .Name}}", "join"),
        ("{{$x}}", "$x"),
        ("{{range .Size}}{{end}}", "range"),
        ("{{" + "(" * 60 + ".Name" + ")" * 60 + "}}", "nested"),
        ("{{if 1}}" * 60, "nested"),
        ("{{len 5}}", "len"),
        ('{{"\\q"}}', "bad text"),
    ],
)
def test_template_error_names_what_it_is_about(template: str, named: str) -> None:
    with pytest.raises(Invalid) as caught:
        formats.inspect(template, [CONTAINER])
    assert named in caught.value.message


def test_unknown_field_error_says_which_there_are() -> None:
    with pytest.raises(Invalid) as caught:
        formats.render("{{.Nome}}", [{"Name": "a", "ID": "b"}])
    assert caught.value.fix == "use one of: .ID .Name"


COLUMNS = {"ID": "CONTAINER ID", "Names": "NAMES", "Size": "SIZE"}
ROWS = [
    {"ID": "abc", "Names": "one", "Size": "1kB"},
    {"ID": "defghi", "Names": "a-long-long-name", "Size": "2kB"},
]


def test_listing_without_format_is_an_aligned_table() -> None:
    assert formats.listing("", ROWS, COLUMNS, ("ID", "Names", "Size")).splitlines() == [
        "CONTAINER ID   NAMES              SIZE",
        "abc            one                1kB",
        "defghi         a-long-long-name   2kB",
    ]


def test_table_template_has_its_own_columns_and_headers() -> None:
    assert formats.listing("table {{.Names}}\\t{{upper .Size}}", ROWS, COLUMNS, ("ID",)).splitlines() == [
        "NAMES              SIZE",
        "one                1KB",
        "a-long-long-name   2KB",
    ]


def test_template_takes_spelled_out_tabs() -> None:
    assert formats.listing(r"{{.ID}}\t{{.Names}}", ROWS[:1], COLUMNS, ()) == "abc\tone\n"


def test_json_is_one_object_a_line() -> None:
    lines = formats.listing("json", [{**row, "Label": str.upper} for row in ROWS], COLUMNS, ()).splitlines()
    assert [json.loads(line) for line in lines] == ROWS


def test_no_rows_leave_the_header_alone() -> None:
    assert formats.listing("", [], COLUMNS, ("ID", "Names")) == "CONTAINER ID   NAMES\n"
    assert formats.listing("{{.ID}}", [], COLUMNS, ("ID",)) == ""


def test_inspect_without_format_is_docker_s_indented_list() -> None:
    assert (
        formats.inspect("", [{"a": [1]}]) == '[\n    {\n        "a": [\n            1\n        ]\n    }\n]\n'
    )
    assert formats.inspect("json", [{"a": "é"}]) == '{"a":"é"}\n'


def test_check_finds_a_bad_format_before_the_work() -> None:
    formats.check("table {{.ID}}")
    with pytest.raises(Invalid):
        formats.check("{{.ID")

"""Manual pages and completions against the command line and the grammar: all that there is, and nothing else."""

import argparse
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from macvland import cli, daemon
from macvland.config.grammar import KEYS
from macvland.status import State

PROJECT = Path(__file__).resolve().parents[2]
HELP = {"-h", "--help"}


def options(parser: argparse.ArgumentParser) -> set[str]:
    return {text for action in parser._actions for text in action.option_strings}


def verbs() -> Mapping[str, argparse.ArgumentParser]:
    (choices,) = (it.choices for it in cli.parser()._actions if isinstance(it, argparse._SubParsersAction))
    assert choices
    return choices


VERBS = verbs()
ALL = options(cli.parser()).union(*map(options, VERBS.values()))


def page(name: str) -> str:
    """Return the source of a manual page without what only says how it looks."""
    text = (PROJECT / "man" / name).read_text().replace("\\-", "-")
    return re.sub(r"\\f[BIR]|^\.(B|I|BR|RB|RI|BI|IR) |[\"]", "", text, flags=re.MULTILINE)


def section(text: str, title: str) -> str:
    return text.partition(f".SH {title}\n")[2].partition("\n.SH ")[0]


def words(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", text))


def test_the_synopsis_of_each_verb_has_its_options() -> None:
    uses = [" ".join(use.split()) for use in section(page("macvlanctl.1"), "SYNOPSIS").split(".PP")]
    shown = {use.split()[1]: words(use) for use in uses[1:]}
    assert shown == {verb: options(parser) - HELP for verb, parser in VERBS.items()}
    assert words(uses[0]) == options(cli.parser())


def test_the_manual_explains_every_verb_option_and_state() -> None:
    text = page("macvlanctl.1")
    assert set(re.findall(r"^\.TP\n(\w+)", section(text, "VERBS"), re.MULTILINE)) == set(VERBS)
    assert words(" ".join(re.findall(r"^\.TP\n(.*)", section(text, "OPTIONS"), re.MULTILINE))) == ALL
    assert re.findall(r"^\.TP\n(\w+)", section(text, "STATES"), re.MULTILINE) == [str(one) for one in reversed(State)]


def test_the_documentation_has_every_verb() -> None:
    table = (PROJECT / "docs/macvlanctl.md").read_text()
    assert set(re.findall(r"^\| `macvlanctl (\w+)", table, re.MULTILINE)) == set(VERBS)


def test_the_manual_of_the_daemon_has_its_options() -> None:
    assert words(section(page("macvland.8"), "OPTIONS")) == options(daemon.parser())


@pytest.mark.parametrize("title", [title for title in KEYS if title])
def test_the_manual_of_the_files_explains_every_key(title: str) -> None:
    explained = re.findall(r"^\.TP\n(\w+) ", section(page("macvlan.d.5"), title), re.MULTILINE)
    assert sorted(explained) == sorted(KEYS[title])


def test_every_table_of_the_files_has_its_section() -> None:
    headings = re.findall(r"^\.SH (\[.*)$", page("macvlan.d.5"), re.MULTILINE)
    assert sorted(headings) == sorted(title for title in KEYS if title)


@pytest.mark.parametrize("name", [path.name for path in (PROJECT / "man").iterdir()])
def test_a_page_names_no_page_of_ours_that_does_not_exist(name: str) -> None:
    named = re.findall(r"\b(macvl[\w.-]+) \((\d)\)", page(name))
    assert {f"{page}.{number}" for page, number in named} <= {path.name for path in (PROJECT / "man").iterdir()}


# Completions


def complete(*line: str) -> list[str]:
    """Return what bash offers for the last word of *line*."""
    script = 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _macvlanctl; printf "%s\\n" "${COMPREPLY[@]}"'
    command = ["bash", "-c", script, str(PROJECT / "completions/macvlanctl.bash"), "macvlanctl", *line]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_bash_completes_verbs_and_the_options_of_each() -> None:
    assert set(complete("")) - {"--help", "--version"} == set(VERBS)
    assert {verb: set(complete(verb, "-")) for verb in VERBS} == {
        verb: options(parser) - {"-h"} for verb, parser in VERBS.items()
    }
    assert complete("wa") == ["wait"]


def test_zsh_knows_verbs_and_options() -> None:
    text = (PROJECT / "completions/_macvlanctl").read_text()
    assert set(re.findall(r"^    '(\w+):", text, re.MULTILINE)) == set(VERBS)
    assert set(re.findall(r"--[a-z]+", text)) == {option for option in ALL if option.startswith("--")}


def test_fish_knows_verbs_and_options() -> None:
    text = (PROJECT / "completions/macvlanctl.fish").read_text()
    assert set(re.findall(r" -a (\w+)", text)) == set(VERBS)
    assert {f"--{name}" for name in re.findall(r"^complete .* -l (\w+)", text, re.MULTILINE)} == ALL - {"-h"}
    assert f"set -l verbs {' '.join(VERBS)}\n" in text

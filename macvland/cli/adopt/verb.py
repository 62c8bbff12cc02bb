"""The command: look, adopt what there is a file for, print or write the files."""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from macvland.cli.adopt.adoption import Adoption, Json, adoption, together
from macvland.cli.adopt.handmade import candidates, handmade
from macvland.cli.adopt.reports import of_compose, of_inspect
from macvland.cli.ending import ERROR, FINE, OTHERWISE, fail
from macvland.config.wording import escaped
from macvland.engine import Docker
from macvland.engine.translate import is_ours, network_of
from macvland.error import ApplyError, EngineAbsentError
from macvland.kernel import Kernel
from macvland.kernel.survey import ways
from macvland.model import Host

TEXT = "write files for Docker networks and shims that were made by hand"


def add_options(command: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    command.add_argument(
        "networks", nargs="*", metavar="NETWORK", help="default: all macvlan networks that are not macvland's"
    )
    command.add_argument("--output", type=Path, metavar="DIR", help="write NETWORK.toml there, over no other file")
    command.add_argument("--shim", action="store_true", help="let [shim] count at once, beside a hand-made shim")
    source = command.add_mutually_exclusive_group()
    source.add_argument("--compose", metavar="FILE", help="take the networks of 'docker compose config --format json'")
    source.add_argument("--inspect", metavar="FILE", help="take the output of 'docker network inspect'; - is stdin")


def run(options: argparse.Namespace) -> int:
    """Write what can be written, and say what cannot."""
    if options.shim and (options.compose or options.inspect):
        return fail("--shim is about links of this host, of which a file knows nothing: leave it out, and write [shim]")
    try:
        found = together(_adoptions(options))
    except (OSError, ValueError) as error:
        return fail(f"{options.compose or options.inspect}: {_words(error)}")
    if not found:
        return fail("there is no macvlan network to adopt: 'docker network ls --filter driver=macvlan' lists them")
    written = [one for one in found if one.text]
    if len(written) > 1 and not options.output and not options.json:
        return fail(f"{len(written)} networks do not fit on stdout: name one, or a directory with --output DIR")
    trouble = _write(written, options.output) if options.output else {}
    _tell(found, trouble, options)
    if trouble:
        return ERROR
    return FINE if len(written) == len(found) else OTHERWISE


def _adoptions(options: argparse.Namespace) -> list[Adoption]:
    file = options.compose or options.inspect
    if not file:
        return _from_docker(options.networks, live=options.shim)
    text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    reports = of_compose(text) if options.compose else of_inspect(text)
    known = [str(report["Name"]) for report in reports]
    if missing := [name for name in options.networks if name not in known]:
        raise ValueError(f"has no network '{missing[0]}'; it has {escaped(', '.join(known)) or 'none'}")
    source = "standard input" if file == "-" else Path(file).name
    return [adoption(report, source) for report in _chosen(reports, options.networks)]


def _chosen(reports: Iterable[Json], names: Sequence[str]) -> list[Json]:
    """Return the *reports* of *names*; without names, those that could be meant: of this driver."""
    return [one for one in reports if (one.get("Name") in names if names else one.get("Driver") == "macvlan")]


def _from_docker(names: Sequence[str], *, live: bool) -> list[Adoption]:
    # Of those that nobody named, macvland's own are not meant.
    try:
        reports = [report for report in Docker().reports(names) if names or not is_ours(report)]
    except EngineAbsentError as error:
        raise ApplyError(f"{error}; start it, or give what it said with --inspect FILE") from error
    seen = Kernel().observe(Host())
    routes = ways(candidates(seen))
    adoptions = []
    for report in reports:
        source = f"Docker's network {str(report.get('Id'))[:12]}"
        shims = handmade(network_of(report), seen, routes)
        adoptions.append(adoption(report, source, shims, live=live))
    return adoptions


def _words(error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror}"
    return "is no text in UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)


def _write(adoptions: Iterable[Adoption], directory: Path) -> dict[str, str]:
    """Write each file, whole or not at all and over no other; return by file what went wrong."""
    if not directory.is_dir():
        return {one.file: f"{directory} is no directory: make it with 'mkdir {directory}'" for one in adoptions}
    trouble = {}
    for one in adoptions:
        new = directory / f".{one.file}.new"  # no file that counts: the daemon may watch this directory
        try:
            new.write_text(one.text, encoding="utf-8")
            new.chmod(0o644)
            os.link(new, directory / one.file)
        except FileExistsError:
            there = f"{directory / one.file} exists, and is left as it is"
            trouble[one.file] = f"{there}: move it away, or take another directory"
        except OSError as error:
            trouble[one.file] = f"{directory / one.file} cannot be written: {error.strerror}"
        finally:
            new.unlink(missing_ok=True)
    return trouble


def _tell(found: Sequence[Adoption], trouble: Mapping[str, str], options: argparse.Namespace) -> None:
    errors = list(dict.fromkeys(trouble.values()))
    for text in errors:
        fail(text)
    if options.json:
        keys = ("network", "file", "text", "notes", "refusal")
        rows = [{key: getattr(one, key) for key in keys} for one in found]
        print(json.dumps({"version": 1, "networks": rows, "errors": errors}, indent=1))
        return
    for one in found:
        for note in (one.refusal,) if one.refusal else one.notes:
            print(f"{escaped(one.network)}: {note if one.refusal else f'not in the file: {note}'}", file=sys.stderr)
        if one.text and options.output and one.file not in trouble:
            print(options.output / one.file)
        elif one.text and not options.output:
            print(one.text, end="")

"""The units: systemd takes every line of them, and the sandbox is as strict as it was."""

import re
import subprocess
from pathlib import Path

import pytest

from macvland import journal
from macvland.kernel.requests import PROTOCOL
from macvland.kernel.settings import OURS
from macvland.status import State

PROJECT = Path(__file__).resolve().parents[2]
SYSTEMD = PROJECT / "systemd"
UNITS = sorted(SYSTEMD.glob("*.service"))
NETWORKD = 2.8  # what systemd-networkd.service gets from systemd 252
EXPOSURE = {"macvland.service": 1.4, "macvland-wait-online.service": 0.7}


def analyze(*arguments: str | Path) -> str:
    done = subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)
    return f"{done.stdout}{done.stderr}".strip()


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units as if their programs were there."""
    for unit in UNITS:
        (tmp_path / unit.name).write_text(
            unit.read_text().replace("ExecStart=/usr/bin/macvl", "ExecStart=/bin/true ml")
        )
    return tmp_path


@pytest.mark.parametrize("unit", [unit.name for unit in UNITS])
def test_systemd_has_nothing_to_say_about_the_unit(installed: Path, unit: str) -> None:
    assert analyze("verify", "--man=no", "--recursive-errors=no", installed / unit) == ""


@pytest.mark.parametrize("unit", [unit.name for unit in UNITS])
def test_the_sandbox_is_no_weaker_than_it_was(installed: Path, unit: str) -> None:
    told = analyze("security", "--offline=true", installed / unit)
    score = float(told.splitlines()[-1].partition("service: ")[2].split()[0])
    assert score <= EXPOSURE[unit] < NETWORKD


def test_the_service_is_there_before_docker_and_its_group_is_made() -> None:
    unit = (SYSTEMD / "macvland.service").read_text()
    assert re.findall("^Before=(.*)$", unit, re.MULTILINE) == ["docker.service"]
    assert re.findall("^SupplementaryGroups=(.*)$", unit, re.MULTILINE) == ["docker"]
    users = (SYSTEMD / "macvland.sysusers").read_text()
    assert re.findall("^([ug]) (\\w+) ", users, re.MULTILINE) == [("g", "docker"), ("u", "macvland")]


def test_other_managers_are_kept_off_the_names_that_shims_have() -> None:
    ours = f"{OURS}*"
    assert f"\nName={ours}\n" in (SYSTEMD / "macvland.network").read_text()
    assert f"\nmatch-device=interface-name:{ours}\n" in (PROJECT / "integration/NetworkManager.conf").read_text()


def test_iproute2_knows_the_number_of_our_routes() -> None:
    assert f"\n{PROTOCOL}\tmacvland\n" in (PROJECT / "integration/rt_protos.conf").read_text()


# The catalog


def ids() -> dict[str, str]:
    """Return the name of each MESSAGE_ID."""
    values = ((name, value) for name, value in vars(journal).items() if name.isupper())
    return {value: name for name, value in values if re.fullmatch("[0-9a-f]{32}", str(value))}


def test_every_record_is_explained_by_the_catalog_and_in_the_documentation() -> None:
    catalog = re.findall("^-- ([0-9a-f]{32})$", (SYSTEMD / "macvland.catalog").read_text(), re.MULTILINE)
    table = re.findall("^[|] `([0-9a-f]{32})` [|]", (PROJECT / "docs/macvlanctl.md").read_text(), re.MULTILINE)
    assert sorted(catalog) == sorted(table) == sorted(ids())


def test_the_catalog_explains_every_state() -> None:
    entry = (SYSTEMD / "macvland.catalog").read_text().partition(f"-- {journal.STATE}\n")[2].partition("\n-- ")[0]
    explained = set(re.findall("^([a-z]+)  +[a-z]", entry, re.MULTILINE))
    assert explained == {*map(str, State), "gone"}


def test_journalctl_understands_the_catalog(tmp_path: Path) -> None:
    place = tmp_path / "usr/lib/systemd/catalog"
    place.mkdir(parents=True)
    (place / "macvland.catalog").write_text((SYSTEMD / "macvland.catalog").read_text())
    (tmp_path / "var/lib/systemd/catalog").mkdir(parents=True)
    root = f"--root={tmp_path}"
    update = subprocess.run(["journalctl", root, "--update-catalog"], capture_output=True, text=True, check=False)
    assert (update.returncode, update.stderr) == (0, "")
    listed = subprocess.run(["journalctl", root, "--list-catalog"], capture_output=True, text=True, check=True).stdout
    assert {line.split()[0] for line in listed.splitlines()} == set(ids())
    assert all(": " in line for line in listed.splitlines())

"""What is planned, case by case: tests/golden/plan, described in tests/golden/README.md."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from macvland import config
from macvland.model import Goal, Host, Network, Proof
from macvland.plan import plan
from macvland.reconcile import converge
from macvland.wanted import wanted
from tests.unit.samples import HERE, MACHINE
from tests.unit.values import value_of
from tests.unit.world import World

CASES = sorted(path for path in (Path(__file__).parents[1] / "golden" / "plan").iterdir() if path.is_dir())

each_case = pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)


@each_case
def test_the_plan_is_the_golden_one(case: Path) -> None:
    assert planned(case) == (case / "plan.txt").read_text(encoding="utf-8")


@each_case
def test_the_plan_leads_to_where_nothing_is_left_to_do(case: Path) -> None:
    seen = seen_in(case)
    world = World(seen)
    ended = converge(lambda host: goal_of(case, host), world.kernel, world.engine, lambda *_: True)
    assert (ended.left, ended.failures) == ((), ())
    assert foreign(ended.seen) == foreign(seen)


def planned(case: Path) -> str:
    seen = seen_in(case)
    goal = goal_of(case, seen)
    lines = [
        *(str(action) for action in plan(goal.host, seen)),
        "--",
        *sorted(f"{one.network}: {one.code} {one.kind.name}: {one}" for one in goal.obstacles),
    ]
    return "".join(f"{line}\n" for line in lines)


def seen_in(case: Path) -> Host:
    data = json.loads((case / "seen.json").read_text(encoding="utf-8"))
    seen = value_of(Host, data)
    if "proofs" in data:
        return seen
    known = frozenset(Proof(network=network.name, id=network.id) for network in seen.networks if network.spec)
    return replace(seen, proofs=known)


def goal_of(case: Path, seen: Host) -> Goal:
    return wanted(config.check(sorted(case.glob("*.toml")), HERE), seen, MACHINE)


def foreign(seen: Host) -> frozenset[Network]:
    return frozenset(network for network in seen.networks if not network.spec)


if __name__ == "__main__":
    for one in CASES:
        (one / "plan.txt").write_text(planned(one), encoding="utf-8")

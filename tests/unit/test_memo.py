"""What pure functions computed is kept for what lives, however much that is, and for nothing else."""

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_interface, ip_network
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest

from macvland.config import declare, reading
from macvland.config.text import tables
from macvland.memo import Memo
from macvland.model import Heard, Link, Subnet, shim_mac, spec_of
from macvland.wanted import lan, own, shim, there, wanted
from tests.unit.samples import HOST, MACHINE, declaration, declared

MANY = 10_000


class Squares:
    """A function that counts how often it computes."""

    def __init__(self) -> None:
        self.memo = Memo()
        self.computed: list[int] = []
        self.of: Callable[[int], int] = self.memo.keeps(self._compute)

    def _compute(self, number: int) -> int:
        self.computed.append(number)
        return number * number

    def round(self, *numbers: int) -> None:
        """Ask for all of *numbers* in one round, and forget what was counted before."""
        self.computed.clear()
        with self.memo:
            assert [self.of(number) for number in numbers] == [number * number for number in numbers]


@pytest.fixture
def squares() -> Squares:
    return Squares()


def test_a_second_round_computes_nothing_anew_however_many_there_are(squares: Squares) -> None:
    squares.round(*range(MANY))
    assert len(squares.computed) == MANY
    squares.round(*range(MANY))
    assert squares.computed == []


def test_what_comes_is_computed_and_the_rest_is_not(squares: Squares) -> None:
    squares.round(*range(MANY))
    squares.round(*range(1, MANY + 1))
    assert squares.computed == [MANY]


def test_what_went_is_forgotten(squares: Squares) -> None:
    squares.round(*range(50_000))
    squares.round(1, 2, 3)
    assert len(squares.memo) == 3
    squares.round(4)
    assert squares.computed == [4]


def test_after_churn_no_more_is_kept_than_twice_what_lives(squares: Squares) -> None:
    for number in range(50_000):
        squares.round(*range(number, number + 3))
        assert len(squares.memo) <= 6


def test_a_round_that_asks_for_nothing_forgets_nothing(squares: Squares) -> None:
    """While Docker does not answer nothing is asked of its networks; when it is back they are the same."""
    squares.round(1, 2, 3)
    squares.round()
    squares.round(1, 2, 3)
    assert squares.computed == []


def test_outside_of_a_round_nothing_is_kept(squares: Squares) -> None:
    assert [squares.of(number) for number in (2, 2)] == [4, 4]
    assert (squares.computed, len(squares.memo)) == ([2, 2], 0)


def test_nothing_is_kept_of_an_error_and_the_round_is_over_all_the_same() -> None:
    memo = Memo()
    inverse = memo.keeps(lambda number: 1 / number)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), memo:
            inverse(0)
    assert len(memo) == 0
    with memo:
        assert inverse(4) == 0.25
    assert len(memo) == 1


def test_a_round_within_a_round_takes_nothing_from_it(squares: Squares) -> None:
    squares.round(1, 2, 3)
    squares.computed.clear()
    with squares.memo:
        with squares.memo:
            squares.of(1)
        assert [squares.of(number) for number in (1, 2, 3)] == [1, 4, 9]
    assert squares.computed == []


def test_two_threads_take_nothing_from_each_other(squares: Squares) -> None:
    """Each meets the other in the middle of its rounds, where half is asked for and half is not."""
    barrier = Barrier(2, timeout=60)
    wrong: list[int] = []

    def work(start: int) -> None:
        for _ in range(50):
            with squares.memo:
                for number in range(start, start + 100):
                    if number == start + 50:
                        barrier.wait()
                    if squares.of(number) != number * number:
                        wrong.append(number)

    threads = [Thread(target=work, args=(start,)) for start in (0, 50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert max(Counter(squares.computed).values()) <= 2, "both may compute one at the same time, but once"
    assert len(squares.memo) <= 200


# Where it is used

COUNTED = (
    (there, "spec_of", spec_of),
    (shim, "shim_mac", shim_mac),
    (own, "sha256", hashlib.sha256),
    (lan, "sha256", hashlib.sha256),
)


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts, by module, what is most of the work of the functions that are remembered."""
    count: Counter[str] = Counter()

    def counting(module: Any, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            count[module.__name__] += 1
            return function(*arguments)

        return call

    for module, name, function in COUNTED:
        monkeypatch.setattr(module, name, counting(module, function))
    return count


def test_a_second_look_at_more_networks_than_a_fixed_cache_had_room_for_computes_nothing_anew(
    computed: Counter[str],
) -> None:
    """4096 it was: the look at network 4097 took three times as long."""
    numbers = range(4_200)
    lans = [(ip_network(f"10.{n >> 8}.{n & 255}.0/24"), ip_network(f"2001:db8:{n:x}::/64")) for n in numbers]
    declarations = tuple(
        replace(declaration(f"n{n}", parent=f"p{n}"), subnets=tuple(Subnet(cidr=cidr) for cidr in lans[n]))
        for n in numbers
    )
    addresses = [frozenset(ip_interface(f"{cidr[1]}/{cidr.prefixlen}") for cidr in each) for each in lans]
    links = frozenset(Link(name=f"p{n}", index=n + 10, addresses=addresses[n]) for n in numbers)
    config, seen = declared(*declarations), replace(HOST, links=links, heard=Heard())
    first = wanted(config, seen, MACHINE)
    assert set(computed) == {module.__name__ for module, _, _ in COUNTED}
    computed.clear()
    assert wanted(config, seen, MACHINE) == first
    assert computed == {}


def test_files_that_are_read_again_are_not_parsed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """8192 it was."""
    parsed: list[str] = []

    def counting(source: str) -> Any:
        parsed.append(source)
        return tables(source)

    monkeypatch.setattr(declare, "tables", counting)
    files = tuple((Path(f"n{number}.toml"), f"# {number}".encode()) for number in range(8_300))
    reading.parsed(files)
    assert len(parsed) == len(files)
    reading.parsed(files)
    assert len(parsed) == len(files)
    reading.parsed((*files[1:], (Path("n0.toml"), b"# new")))
    assert parsed[len(files) :] == ["# new"]

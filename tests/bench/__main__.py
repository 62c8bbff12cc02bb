"""`python -m tests.bench [NAME…]`: run the benchmarks of these names, or all."""

import argparse
import platform
import sys
import time
from collections.abc import Callable

from tests.bench import attachments, drop, idle, lan, memory, repair, replace, restore, start, storm
from tests.bench.report import Table

BENCHMARKS: dict[str, Callable[[], Table]] = {
    "drop": drop.measure,
    "replace": replace.measure,
    "attachments": attachments.measure,
    "restore": restore.measure,
    "repair": repair.measure,
    "storm": storm.measure,
    "idle": idle.measure,
    "start": start.measure,
    "memory": memory.measure,
    "lan": lan.measure,
}


def main() -> int:
    """Run what was asked for; a missed target is shown, and is no error: the machine may have been busy."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure macvland.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; default: all")
    names = parser.parse_args().names or list(BENCHMARKS)
    if unknown := sorted(set(names) - BENCHMARKS.keys()):
        parser.error(f"no such benchmark: {', '.join(unknown)}")
    began = time.monotonic()
    print(f"Linux {platform.release().split('-')[0]}, Python {platform.python_version()}")
    missed = 0
    for name in names:
        table = BENCHMARKS[name]()
        missed += sum(row.missed for row in table.rows)
        print(f"\n{table}", flush=True)
    print(f"\n{time.monotonic() - began:.0f} s; {f'targets missed: {missed}' if missed else 'every target reached'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

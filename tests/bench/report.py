"""A table of measurements: ours, theirs, their ratio, the target, and whether it was reached."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line. *limit* is for *ours* in *unit*, *ratio_limit* for ours / theirs; a row without either informs."""

    what: str
    ours: float
    theirs: float | None = None
    unit: str = "ms"
    limit: float | None = None
    ratio_limit: float | None = None

    @property
    def missed(self) -> bool:
        """Tell whether it has a target and did not reach it."""
        too_much = self.limit is not None and self.ours > self.limit
        return too_much or (self.ratio is not None and self.ratio_limit is not None and self.ratio > self.ratio_limit)

    @property
    def ratio(self) -> float | None:
        """Ours as a multiple of theirs."""
        return self.ours / self.theirs if self.theirs else None

    def cells(self) -> tuple[str, ...]:
        """Return it as the table shows it."""
        return (
            self.what,
            f"{_number(self.ours)} {self.unit}",
            "" if self.theirs is None else f"{_number(self.theirs)} {self.unit}",
            "" if self.ratio is None else f"{self.ratio:.2f}",
            self._target(),
            "MISSED" if self.missed else "ok" if self._target() else "",
        )

    def _target(self) -> str:
        limits = (
            "" if self.limit is None else f"<= {_number(self.limit)} {self.unit}",
            "" if self.ratio_limit is None else f"ratio <= {self.ratio_limit:.2f}",
        )
        return ", ".join(limit for limit in limits if limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What one benchmark found; *theirs* says against what."""

    title: str
    theirs: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Lay it out: words to the left, numbers to the right."""
        cells = [("", "ours", "theirs", "ratio", "target", ""), *(row.cells() for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [_line(row, widths) for row in cells]
        return "\n".join((self.title, f"  theirs: {self.theirs}", *lines, *(f"  {note}" for note in self.notes)))


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    first, *numbers, target, verdict = cells
    padded = (cell.rjust(width) for cell, width in zip(numbers, widths[1:4], strict=True))
    return f"    {'  '.join((first.ljust(widths[0]), *padded, target.ljust(widths[4]), verdict))}".rstrip()


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.1f}"

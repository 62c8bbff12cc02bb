"""One trial of a file, from the first question to the last look: kept on a yes, else gone and all as before.

Refuses to take anything but a yes for a yes. Whatever ends it early ends it as a no does.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from macvland.action import Action
from macvland.cli.daemon import last
from macvland.cli.outlook import Outlook, outlook
from macvland.cli.try_.converging import NEVER, News, arrived, failure, lacking, restored, version
from macvland.cli.try_.question import EndedError, Interruptible, NobodyError, asked, is_yes, say
from macvland.cli.try_.session import Session
from macvland.cli.try_.trial import edition, keep, place, withdraw
from macvland.config import KEPT
from macvland.config.trial import DIRECTORY, clock
from macvland.error import ApplyError
from macvland.status import Status

PATIENCE = 30.0  # seconds for the daemon to bring about the one state or the other, as `apply` has them
MARGIN = 5.0  # seconds between an answer that is just in time and the trial's own end


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A file that is to be tried, and what is known of it beforehand."""

    file: Path
    text: bytes
    before: Outlook  # with the files as they are
    ahead: Outlook  # with this one before all of them
    session: Session | None
    touched: Sequence[Action]  # what of the plan touches the session's links
    replaced: tuple[int, int] | None  # the edition of the file whose place it would take
    seconds: float  # for each question
    eager: bool  # an empty answer to the last one is a yes

    @property
    def trial(self) -> Path:
        """The file while it is on trial."""
        return DIRECTORY / self.file.name

    @property
    def concerned(self) -> frozenset[str]:
        """The networks of which anything is to change."""
        return frozenset({self.file.stem, *(action.network for action in self.ahead.actions)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a trial ended: *why* it was not kept, "" if it was; what was done; what of the old state is not back."""

    why: str = ""
    placed: bool = False
    done: tuple[Action, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def kept(self) -> bool:
        """Whether it is for good."""
        return not self.why


class _Course:
    """What has happened so far: an exception must not lose it."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.placed = False
        self.done: tuple[Action, ...] = ()

    def run(self, news: News, signals: Interruptible) -> None:
        """Try; return when it is kept. Any exception means that it is not."""
        case = self.case
        if case.touched and not is_yes(asked("go on? [y/N]", case.seconds)):
            raise NobodyError("you did not want it")
        until = clock() + PATIENCE + case.seconds + MARGIN
        place(case.file.name, case.text, until)
        self.placed = True
        news.until(lambda now: arrived(now, case.trial, case.concerned), PATIENCE)
        now = last()
        left = outlook()
        self.done = tuple(action for action in case.ahead.actions if action not in left.actions)
        if why := failure(now, case.trial):
            raise NobodyError(why)
        _tell(case, now, left)  # an OSError here is a terminal that is gone
        answer = asked(f"keep it? {'[Y/n]' if case.eager else '[y/N]'} (gone in {case.seconds:g} s)", case.seconds)
        if not is_yes(answer, default=case.eager):
            raise NobodyError("you did not want it")
        signals.disarm()
        if clock() >= until:  # a macvlanctl that was stopped in between (Ctrl-Z) does not see the time go by
            raise NobodyError("its time was over")
        if edition(KEPT / case.file.name) != case.replaced:  # nobody was asked about that one
            raise NobodyError(f"{KEPT / case.file.name} was changed meanwhile")
        keep(case.trial, case.text)


def attempt(case: Case, signals: Interruptible) -> Ended:
    """Try *case*, and end it; none of *signals* comes after that."""
    news, course = News(), _Course(case)
    why = _why_not(course, news, signals)
    left = _undone(course, news, why) if why else ()
    return Ended(why=why, placed=course.placed, done=course.done, left=left)


def _undone(course: _Course, news: News, why: str) -> tuple[str, ...]:
    """Take the trial away, and return what of the old state is not back in time."""
    case, since = course.case, version()
    try:
        removed = withdraw(case.trial)
    except OSError as error:
        return (f"{case.trial} cannot be removed: {error.strerror}; it is over by itself soon",)
    course.placed |= removed  # a signal may have come before this was noted
    if not course.placed:
        return ()
    say(f"{why}: bringing back what was")
    return restored(news, case.before, case.trial, since if removed else NEVER, PATIENCE)


def _why_not(course: _Course, news: News, signals: Interruptible) -> str:
    """Run *course*; return why it is not kept, "" if it is. From then on no signal comes between."""
    try:
        try:
            course.run(news, signals)
        finally:
            signals.disarm()
    except (EndedError, NobodyError, ApplyError) as ended:
        return str(ended)
    except OSError as error:
        return f"{error.filename or 'the terminal'}: {error.strerror}"
    except BaseException:
        withdraw(course.case.trial)
        raise
    return ""


def _tell(case: Case, now: Status | None, left: Outlook) -> None:
    """Say what came of it."""
    for one in (one for one in (now.networks if now else ()) if one.name == case.file.stem):
        print(f"{one.name} is {one.state}", *one.reasons, sep="; ", file=sys.stderr)
    for text in lacking(case.before, left):
        print(text, file=sys.stderr)

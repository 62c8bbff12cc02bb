"""What the files say: that one is wrong, and that one is gone."""

from macvland.condition.value import Kind, Severity, State
from macvland.condition.wording import names


def _wrong(file: str, line: str, key: str, wrong: str, right: str) -> str:
    where = f"{file}:{line}" if line != "0" else file
    what = f"{key}: {wrong}" if key else wrong
    return f"{where}: {what}; {right}" if right else f"{where}: {what}"


WRONG_FILE = Kind(name="file-wrong", code="MV101", severity=Severity.ERROR, state=State.FAILED, sentence=_wrong)

GONE, ELSEWHERE = "its file is gone", "its file is not for this host"


def _in_use(why: str, containers: tuple[str, ...]) -> str:
    return f"{why}; it goes when {names(containers)} {'leaves' if len(containers) == 1 else 'leave'} it"


FRESHLY_GONE = Kind(
    name="removal-fresh",
    code="MV801",
    severity=Severity.INFO,
    state=State.LEAVING,
    sentence="{why}; it stays until that is certain",
)
GONE_IN_USE = Kind(name="removal-in-use", code="MV801", severity=Severity.INFO, state=State.LEAVING, sentence=_in_use)
VLAN_IN_USE = Kind(
    name="vlan-in-use",
    code="MV801",
    severity=Severity.INFO,
    state=State.LEAVING,
    sentence="its {vlan} stays as long as {use}",
)

"""Links of every sort as a parent, on the real kernel: what is said of them, and that the kernel would say no."""

from pathlib import Path

import pytest

from macvland.kernel import sysfs
from tests.lab.netns import private_network
from tests.parents import HERE, Sort, require


@pytest.mark.parametrize("sort", HERE, ids=lambda sort: sort.what)
def test_what_is_said_of_a_link_is_true(sort: Sort) -> None:
    with private_network():
        require(sort)


def test_a_wireless_link_is_known_by_its_radio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sysfs, "LINKS", str(tmp_path))  # no machine that runs the tests has a radio
    for link in ("eth0", "wlan0"):
        (tmp_path / link).mkdir()
    (tmp_path / "wlan0/phy80211").symlink_to("../../phy0")
    assert [sysfs.is_wireless(link) for link in ("eth0", "wlan0", "gone0")] == [False, True, False]

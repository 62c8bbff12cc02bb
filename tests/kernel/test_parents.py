"""Links of every sort as a parent, on the real kernel: what is said of them, and that the kernel would say no."""

from itertools import islice
from pathlib import Path

import pytest

from macvland.kernel import sysfs
from macvland.kernel.sight import VLAN_INDEXES, Sight
from tests.lab.netns import private_network
from tests.parents import HERE, Sort, require

pytestmark = pytest.mark.libraries


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


def test_no_two_new_vlan_links_get_one_index_and_the_next_ones_get_others() -> None:
    """A batch speaks of its links by index before the kernel has any of them."""
    first, second = (list(islice(Sight().free_vlan_indexes(), 4094)) for _ in range(2))
    assert len(set(first)) == 4094
    assert first != second
    assert not set(first) - set(VLAN_INDEXES)

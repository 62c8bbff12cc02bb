"""Who writes a setting of a shim under /proc/sys is heard, whatever became of the link since the last look."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from macvland.kernel import Kernel, SettingsWatch
from macvland.model import Host
from tests.kernel.samples import SHIM, make
from tests.kernel.test_watch import DEADLINE, watching
from tests.lab.netns import ip

HEARD = ("ipv4/conf/mv-lan/arp_filter", "ipv6/conf/mv-lan/accept_ra", "ipv6/conf/mv-lan/autoconf")


def write(setting: str) -> None:
    Path(f"/proc/sys/net/{setting}").write_text("1", encoding="ascii")


@pytest.fixture
def settings(kernel: Kernel) -> Iterator[SettingsWatch]:
    """A shim, and settings that are armed."""
    make(kernel, SHIM)
    heard = SettingsWatch()
    heard.arm()
    yield heard
    heard.close()


@pytest.mark.parametrize("setting", HEARD)
def test_a_write_is_heard_once(settings: SettingsWatch, setting: str) -> None:
    assert not settings.heard()
    write(setting)
    assert settings.heard()
    assert not settings.heard()


@pytest.mark.parametrize("setting", HEARD)
def test_a_write_wakes(settings: SettingsWatch, setting: str) -> None:
    with watching(settings) as woken:
        write(setting)
        assert woken.wait(DEADLINE)


def test_reading_is_not_heard(settings: SettingsWatch) -> None:
    Path(f"/proc/sys/net/{HEARD[0]}").read_text(encoding="ascii")
    assert not settings.heard()


def test_the_settings_of_other_links_are_not_heard(settings: SettingsWatch) -> None:
    write("ipv4/conf/eth0/arp_filter")
    assert not settings.heard()


def test_a_shim_that_was_renamed_there_and_back_is_heard_after_the_next_look(settings: SettingsWatch) -> None:
    for old, new in (("mv-lan", "lan"), ("lan", "mv-lan")):
        ip("link", "set", old, "name", new)
    settings.arm()
    write(HEARD[0])
    assert settings.heard()


def test_a_shim_that_went_is_no_longer_watched_and_tells_nothing(settings: SettingsWatch) -> None:
    ip("link", "delete", "mv-lan")
    settings.arm()
    assert not settings.heard()
    assert settings._watches == {}


def test_a_look_arms(kernel: Kernel) -> None:
    settings = SettingsWatch()
    looking = Kernel(settings.arm)
    make(kernel, SHIM)
    looking.observe(Host())
    write(HEARD[0])
    assert settings.heard()
    settings.close()


def test_without_inotify_nothing_is_heard_and_nothing_fails(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("macvland.kernel.settings.FLAGS", -1)  # which the kernel refuses
    settings = SettingsWatch()
    make(kernel, SHIM)
    settings.arm()
    with watching(settings) as woken:
        ip("link", "set", "mv-lan", "alias", "something")
        assert woken.wait(DEADLINE)

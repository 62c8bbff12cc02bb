"""Who built a device: the lists that Debian has, in their forms."""

from pathlib import Path

import pytest

from macvland.lan.vendor import LONGEST, vendor_of

MAC = "00:11:32:aa:bb:cc"
LISTS = {
    "usr/share/ieee-data/oui.txt": "00-11-31   (hex)\t\tOther\n001131     (base 16)\t\tOther\n"
    "00-11-32   (hex)\t\tSynology Incorporated\r\n001132     (base 16)\t\tSynology Incorporated\r\n\t\tTaipei\n",
    "usr/share/nmap/nmap-mac-prefixes": "# comment\n001131 Other\n001132 Synology Incorporated\n",
    "usr/share/wireshark/manuf": "00:11:31\tOther\tOther\n00:11:32\tSynology\tSynology Incorporated\n00:11:33\tX\tX\n",
    "usr/lib/udev/hwdb.d/20-OUI.hwdb": "OUI:001131*\n ID_OUI_FROM_DATABASE=Other\n\n"
    "OUI:001132*\n ID_OUI_FROM_DATABASE=Synology Incorporated\n",
}


def write(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True)
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("name", LISTS)
def test_each_list_is_understood(tmp_path: Path, name: str) -> None:
    write(tmp_path, name, LISTS[name])
    assert vendor_of(MAC, tmp_path) == "Synology Incorporated"
    assert vendor_of("00:99:99:aa:bb:cc", tmp_path) == ""


def test_without_a_list_nobody_is_named(tmp_path: Path) -> None:
    assert vendor_of(MAC, tmp_path) == ""


def test_a_mac_that_somebody_made_up_has_no_vendor(tmp_path: Path) -> None:
    write(tmp_path, "usr/share/nmap/nmap-mac-prefixes", "021132 Nobody\n")
    assert vendor_of("02:11:32:aa:bb:cc", tmp_path) == ""


def test_a_name_is_printable_and_short(tmp_path: Path) -> None:
    write(tmp_path, "usr/share/nmap/nmap-mac-prefixes", "001132 Bad\x1b[31m" + "x" * 999 + "\n")
    name = vendor_of(MAC, tmp_path)
    assert name.startswith("Bad[31mxxx")
    assert len(name) == LONGEST


def test_of_devices_of_one_vendor_the_lists_are_read_once(tmp_path: Path) -> None:
    path = write(tmp_path, "usr/share/nmap/nmap-mac-prefixes", "001132 Synology\n")
    assert vendor_of(MAC, tmp_path) == "Synology"
    path.unlink()
    assert {vendor_of(f"{MAC[:9]}{number:02x}:00:01", tmp_path) for number in range(200)} == {"Synology"}


def test_the_first_and_the_last_line_count_and_none_that_only_looks_like_one(tmp_path: Path) -> None:
    text = "001130 First\n001132\n0011321 Other\n# 001132 Other\n001132 Synology\n001133 Last"
    write(tmp_path, "usr/share/nmap/nmap-mac-prefixes", text)
    names = [vendor_of(f"00:11:{number}:00:00:01", tmp_path) for number in (30, 32, 33)]
    assert names == ["First", "Synology", "Last"]


def test_an_empty_list_names_nobody(tmp_path: Path) -> None:
    write(tmp_path, "usr/share/nmap/nmap-mac-prefixes", "")
    assert vendor_of(MAC, tmp_path) == ""

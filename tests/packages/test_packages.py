"""The deb and the rpm: what is in them, what they ask for, and what they run. The deb is installed by tests/system."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from macvland import __version__
from tests.lab import run

PROJECT = Path(__file__).resolve().parents[2]
BUILT = PROJECT / "build/packages"
PYTHON = r"^/usr/lib/python3(\.\d+)?/(dist|site)-packages/"
# What each calls its own places, by the other's name.
SAME = (
    (r"^/lib/systemd/", "/usr/lib/systemd/"),
    (r"^/usr/share/zsh/(vendor-completions|site-functions)/", "/usr/share/zsh/"),
    (r"^/usr/share/(doc|licenses)/.*|^/usr/share/lintian/.*", ""),
    (PYTHON + r"macvland-.*", ""),
    (PYTHON, "/python/"),
)


@pytest.fixture(scope="module")
def deb() -> Path:
    return only("macvland_*.deb")


@pytest.fixture(scope="module")
def rpm() -> Path:
    return only("macvland-*.noarch.rpm")


def only(pattern: str) -> Path:
    (built,) = BUILT.glob(pattern)
    return built


def files_of_the_deb(deb: Path) -> set[str]:
    listed = [line.split(maxsplit=5) for line in run("dpkg-deb", "--contents", deb).splitlines()]
    return {words[5].removeprefix(".") for words in listed if not words[0].startswith("d")}


def files_of_the_rpm(rpm: Path) -> set[str]:
    listed = run("rpm", "--query", "--package", "--queryformat", "[%{FILEMODES:perms} %{FILENAMES}\n]", rpm)
    return {line.split(" ", 1)[1] for line in listed.splitlines() if not line.startswith("d")}


def comparable(files: set[str]) -> set[str]:
    for pattern, other in SAME:
        files = {re.sub(pattern, other, file) for file in files}
    return files - {""}


def test_both_have_the_same_files(deb: Path, rpm: Path) -> None:
    assert comparable(files_of_the_deb(deb)) == comparable(files_of_the_rpm(rpm))


def test_every_module_is_in_them_and_no_test(deb: Path) -> None:
    modules = {str(path.relative_to(PROJECT)) for path in (PROJECT / "macvland").rglob("*.py")}
    packed = {re.sub(PYTHON, "", file) for file in files_of_the_deb(deb) if file.endswith(".py")}
    assert packed == modules


def test_what_there_is_besides_the_modules(deb: Path) -> None:
    others = {file for file in comparable(files_of_the_deb(deb)) if not file.startswith("/python/")}
    assert others == {
        "/etc/iproute2/rt_protos.d/macvland.conf",
        "/etc/macvlan.d/example.toml.disabled",
        "/usr/lib/NetworkManager/conf.d/00-macvland.conf",
        "/usr/share/macvland/macvland.schema.json",
        "/usr/lib/systemd/network/00-macvland.network",
        "/usr/bin/macvlanctl",
        "/usr/bin/macvland",
        "/usr/lib/modules-load.d/macvland.conf",
        "/usr/lib/systemd/catalog/macvland.catalog",
        "/usr/lib/systemd/system/macvland-wait-online.service",
        "/usr/lib/systemd/system/macvland.service",
        "/usr/lib/sysusers.d/macvland.conf",
        "/usr/lib/tmpfiles.d/macvland.conf",
        "/usr/share/bash-completion/completions/macvlanctl",
        "/usr/share/fish/vendor_completions.d/macvlanctl.fish",
        "/usr/share/man/man1/macvlanctl.1.gz",
        "/usr/share/man/man5/macvlan.d.5.gz",
        "/usr/share/man/man8/macvland.8.gz",
        "/usr/share/zsh/_macvlanctl",
    }


ELSEWHERE = {
    "LICENSE",
    "CHANGELOG.md",
    "etc/macvlan.d/example.toml.disabled",
}  # in the places that packages have for these


def test_the_documents_link_to_each_other(deb: Path, rpm: Path, tmp_path: Path) -> None:
    run("dpkg-deb", "--extract", deb, tmp_path)
    there = tmp_path / "usr/share/doc/macvland"
    pages = sorted(there.rglob("*.md"))
    links = {(page, link) for page in pages for link in re.findall(r"\]\(([^:)#]+)[^:)]*\)", page.read_text())}
    assert len(links) > 20
    broken = {link for page, link in links if not (page.parent / link).exists()}
    assert {link for link in broken if not link.startswith("../")} <= ELSEWHERE  # up there are the sources
    documents = {str(page.relative_to(there)) for page in pages}
    packed = {re.sub(r"^/usr/share/doc/macvland[^/]*/", "", file) for file in files_of_the_rpm(rpm)}  # versioned or not
    assert documents <= packed


LIBRARIES = {f"python3-{name}" for name in ("docker", "pyroute2", "systemd", "tomli", "watchdog")}


def test_they_ask_for_the_libraries_of_the_distribution(deb: Path, rpm: Path) -> None:
    depends = {word.split()[0] for word in run("dpkg-deb", "--field", deb, "Depends").split(", ")}
    assert {name for name in depends if name.startswith("python3-")} == LIBRARIES
    requires = {line.split()[0] for line in run("rpm", "--query", "--package", "--requires", rpm).splitlines()}
    assert requires >= LIBRARIES | {"systemd"}


def test_the_version_is_that_of_the_program(deb: Path, rpm: Path) -> None:
    assert run("dpkg-deb", "--field", deb, "Version").startswith(f"{__version__}-")
    assert run("rpm", "--query", "--package", "--queryformat", "%{VERSION}", rpm) == __version__


def test_what_the_administrator_edits_is_kept(deb: Path, rpm: Path) -> None:
    edited = ["/etc/iproute2/rt_protos.d/macvland.conf", "/etc/macvlan.d/example.toml.disabled"]
    assert sorted(run("dpkg-deb", "--info", deb, "conffiles").split()) == edited
    assert sorted(run("rpm", "--query", "--package", "--configfiles", rpm).split()) == edited


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("postin", ("systemd-sysusers macvland.conf", "systemd-tmpfiles --create macvland.conf", "preset macvland")),
        ("preun", ("[ $1 -eq 0 ]", "disable --now macvland.service")),
        ("postun", ("[ $1 -ge 1 ]", "try-restart macvland.service")),
    ],
)
def test_the_scriptlets_of_the_rpm(rpm: Path, script: str, words: tuple[str, ...]) -> None:
    text = run("rpm", "--query", "--package", "--queryformat", f"%{{{script}}}", rpm)
    assert all(word in text for word in words), text
    assert subprocess.run(["sh", "-n"], input=text, text=True, check=False).returncode == 0


RPMS_OWN = r"var/lib/rpm/|etc/(\.pwd\.lock|(passwd|shadow|group|gshadow)-?)$"


def test_the_rpm_is_installed_works_and_goes(rpm: Path, tmp_path: Path) -> None:
    root = ("--root", str(tmp_path), "--dbpath", "/var/lib/rpm")
    run("rpm", *root, "--initdb")
    # The libraries are Debian's and not in its database; the scriptlets want a shell in there.
    run("rpm", *root, "--install", "--nodeps", "--noscripts", rpm)
    (library,) = tmp_path.glob("usr/lib/python3*/site-packages")
    environment = {**os.environ, "PYTHONPATH": str(library), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, str(tmp_path / "usr/bin/macvlanctl"), "--version"]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path, check=True).stdout
    assert told == f"macvlanctl {__version__}\n"
    mine = tmp_path / "etc/macvlan.d/pub_net.toml"
    mine.write_text("")
    run("rpm", *root, "--erase", "--noscripts", "macvland")
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    # From rpm 4.19 on (Debian 13) rpm itself makes the user, and leaves it as it should.
    assert {path for path in left if not re.match(RPMS_OWN, path)} == {"etc/macvlan.d/pub_net.toml"}

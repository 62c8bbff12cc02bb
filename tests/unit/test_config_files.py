"""Which files count, and that no file or directory, whatever it is, blocks, harms or is taken for absent.

Root, as all of the tests: owners and devices are real. The names of the rows are those of the faults.
"""

import os
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from macvland.config import Config, Directory, check, read
from tests.unit.samples import HERE

pytestmark = pytest.mark.libraries

NOBODY = 65534
GOOD = '[network]\nparent = "eth0"\n\n[[subnet]]\ncidr = "10.%d.%d.0/24"\ngateway = false\n'


def good(number: int = 0) -> str:
    return GOOD % divmod(number, 250)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "etc"
    path.mkdir(mode=0o755)
    return path


def names(config: Config) -> list[str]:
    return [declaration.name for declaration in config.declarations]


def wrongs(config: Config) -> list[str]:
    return [f"{error.file.name}: {error.wrong}" for error in config.errors]


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@contextmanager
def nobody() -> Iterator[None]:
    """Be nobody for a moment: root may read everything."""
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


# --- directories -------------------------------------------------------------------------------------------------


def test_a_file_masks_those_of_its_name_further_right(tmp_path: Path) -> None:
    directories = [tmp_path / name for name in ("etc", "run", "lib")]
    for number, path in enumerate(directories):
        path.mkdir(mode=0o755)
        for name in ("all", "etc", "run", "lib"):
            if name in {"all", path.name}:
                (path / f"{name}.toml").write_text(good(10 * number + len(name) + ord(name[0])))
    config = read(HERE, directories)
    assert {each.name: each.file.parent.name for each in config.declarations} == {
        "all": "etc",
        "etc": "etc",
        "run": "run",
        "lib": "lib",
    }
    assert (config.errors, config.frozen, config.unreadable) == ((), frozenset(), False)


def test_a_broken_file_masks_too_and_freezes_its_network(tmp_path: Path, directory: Path) -> None:
    (directory / "pub.toml").write_text("nonsense")
    (tmp_path / "pub.toml").write_text(good())
    config = read(HERE, [directory, tmp_path])
    assert (names(config), set(config.frozen), len(config.errors)) == ([], {"pub"}, 1)


def link_absolutely(mask: Path) -> None:
    mask.symlink_to("/dev/null")


def link_relatively(mask: Path) -> None:
    mask.symlink_to(os.path.relpath("/dev/null", mask.parent))


def link_over_a_link(mask: Path) -> None:
    (mask.parent / "hop").symlink_to("/dev/null")
    mask.symlink_to("hop")


@pytest.mark.parametrize("link", [link_absolutely, link_relatively, link_over_a_link])
def test_a_link_to_dev_null_masks(tmp_path: Path, directory: Path, link: Callable[[Path], None]) -> None:
    link(directory / "pub.toml")
    (tmp_path / "pub.toml").write_text(good())
    config = read(HERE, [directory, tmp_path])
    assert (names(config), config.errors, config.frozen) == ([], (), frozenset())


@pytest.mark.fault("E75")
def test_a_missing_directory_is_told_but_no_error(tmp_path: Path, directory: Path) -> None:
    (directory / "pub.toml").write_text(good())
    config = read(HERE, [tmp_path / "missing", directory])
    status = directory.stat()
    assert config.directories == (
        Directory(path=tmp_path / "missing", identity=None),
        Directory(path=directory, identity=(status.st_dev, status.st_ino)),
    )
    assert (names(config), config.errors, config.unreadable) == (["pub"], (), False)


@pytest.mark.fault("E75")
def test_a_replaced_directory_has_another_identity(directory: Path) -> None:
    before = read(HERE, [directory])
    directory.rename(directory.with_name("old"))
    directory.mkdir()
    assert read(HERE, [directory]).directories != before.directories


@pytest.mark.parametrize(("uid", "mode"), [(0, 0o775), (0, 0o757), (0, 0o1777), (NOBODY, 0o755)], ids=str)
@pytest.mark.fault("E73")
def test_an_unsafe_directory_is_not_read_and_freezes_what_it_may_mask(
    tmp_path: Path, directory: Path, uid: int, mode: int
) -> None:
    (directory / "pub.toml").write_text(good())
    (tmp_path / "other.toml").write_text(good(1))
    directory.chmod(mode)
    os.chown(directory, uid, 0)
    config = read(HERE, [directory, tmp_path])
    assert (names(config), config.unreadable, set(config.frozen)) == ([], True, {"other"})
    assert [error.file for error in config.errors] == [directory]


@pytest.mark.fault("E72")
def test_a_directory_that_may_not_be_listed_is_not_taken_for_empty() -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "pub.toml").write_text(good())
        with nobody():
            config = read(HERE, [directory])
    assert (wrongs(config), config.unreadable) == ([f"{directory.name}: cannot be read: Permission denied"], True)


def test_a_file_in_the_place_of_a_directory_is_not_taken_for_empty(tmp_path: Path) -> None:
    (tmp_path / "etc").touch()
    config = read(HERE, [tmp_path / "etc"])
    assert (wrongs(config), config.unreadable) == (["etc: cannot be read: Not a directory"], True)


# --- names -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        *(".pub.toml", ".#pub.toml", "#pub.toml#", "pub.toml~", "pub~.toml", ".pub.toml.swp", ".pub.toml.swx", "4913"),
        *(
            "pub.toml.bak",
            "pub.toml.save",
            "pub.toml.orig",
            "pub.toml.rej",
            "sedA1b2C3",
            ".pub.toml.A1b2C3",
            "#pub.toml",
        ),
        *("pub.toml.dpkg-old", "pub.toml.dpkg-new", "pub.toml.dpkg-dist", "pub.toml.dpkg-tmp", "pub.toml.ucf-dist"),
        *(
            "pub.toml.ucf-old",
            "pub.toml.rpmsave",
            "pub.toml.rpmnew",
            "pub.toml.rpmorig",
            "pub.toml.pacnew",
            "pub.toml;5f3e",
        ),
        *("pub.toml.disabled", "pub.TOML", "pub", "toml", ".toml", "README", ".goutputstream-X1Y2Z3", "~pub.toml"),
    ],
)
@pytest.mark.fault("E65")
def test_left_overs_are_ignored_without_a_word(directory: Path, name: str) -> None:
    (directory / name).write_text("this is no TOML")
    config = read(HERE, [directory])
    assert (config.declarations, config.errors, config.frozen) == ((), (), frozenset())


@pytest.mark.parametrize(
    "name", [b"a\x1b[31m.toml", b"a\xe2\x80\xaeb.toml", b"a\xff.toml", b"a\nb.toml", b"\xc3\xbc.toml"], ids=repr
)
@pytest.mark.fault("E69")
def test_a_name_that_no_network_can_have_is_an_error_that_prints(directory: Path, name: bytes) -> None:
    (Path(os.fsdecode(os.fsencode(directory) + b"/" + name))).write_text(good())
    (directory / "pub.toml").write_text(good(1))
    config = read(HERE, [directory])
    (error,) = config.errors
    assert str(error).isprintable()
    assert str(error).encode()
    assert (names(config), set(config.frozen)) == (["pub"], set())


# --- links -------------------------------------------------------------------------------------------------------


@pytest.mark.fault("E67")
def test_a_link_is_followed_and_its_target_read_anew(tmp_path: Path, directory: Path) -> None:
    target = tmp_path / "elsewhere"
    target.write_text(good(1))
    (directory / "pub.toml").symlink_to(target)
    first = read(HERE, [directory]).declarations
    target.write_text(good(2))
    second = read(HERE, [directory]).declarations
    assert [str(each.subnets[0].cidr) for each in (*first, *second)] == ["10.0.1.0/24", "10.0.2.0/24"]
    assert first[0].file == directory / "pub.toml"


def dangling(directory: Path) -> None:
    (directory / "pub.toml").symlink_to(directory / "gone")


def dangling_deeply(directory: Path) -> None:
    (directory / "pub.toml").symlink_to(directory / "gone" / "gone")


def loop(directory: Path) -> None:
    (directory / "pub.toml").symlink_to("pub.toml")


def unsafe_target(directory: Path) -> None:
    target = directory.parent / "target"
    target.write_text(good())
    target.chmod(0o664)
    (directory / "pub.toml").symlink_to(target)


def unsafe_directory_of_the_target(directory: Path) -> None:
    unsafe = directory.parent / "unsafe"
    unsafe.mkdir()
    unsafe.chmod(0o777)
    (unsafe / "target").write_text(good())
    (directory / "pub.toml").symlink_to(unsafe / "target")


def device_as_target(directory: Path) -> None:
    (directory / "pub.toml").symlink_to("/dev/zero")


def secret(directory: Path) -> None:
    """EIO: nothing is mapped at the address 0."""
    (directory / "pub.toml").symlink_to("/proc/self/mem")


def endless(directory: Path) -> None:
    """A file of procfs that says it has no bytes and gives a million."""
    (directory / "pub.toml").symlink_to("/proc/kallsyms")


# --- things that are no files ------------------------------------------------------------------------------------


def fifo(directory: Path) -> None:
    os.mkfifo(directory / "pub.toml", 0o644)


def zero(directory: Path) -> None:
    os.mknod(directory / "pub.toml", stat.S_IFCHR | 0o644, os.makedev(1, 5))


def null(directory: Path) -> None:
    os.mknod(directory / "pub.toml", stat.S_IFCHR | 0o644, os.makedev(1, 3))


def folder(directory: Path) -> None:
    (directory / "pub.toml").mkdir(mode=0o755)


def unix_socket(directory: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(directory / "pub.toml"))


def too_large(directory: Path) -> None:
    (directory / "pub.toml").write_text(good() + "#" * 65536)


def empty(directory: Path) -> None:
    (directory / "pub.toml").touch()


def foreign(directory: Path) -> None:
    (directory / "pub.toml").write_text(good())
    os.chown(directory / "pub.toml", NOBODY, 0)


def writable_by_the_group(directory: Path) -> None:
    (directory / "pub.toml").write_text(good())
    (directory / "pub.toml").chmod(0o664)


def writable_by_all(directory: Path) -> None:
    (directory / "pub.toml").write_text(good())
    (directory / "pub.toml").chmod(0o646)


@pytest.mark.parametrize(
    ("make", "wrong"),
    [
        pytest.param(dangling, "is a link to nothing", id="E67-dangling", marks=pytest.mark.fault("E67")),
        pytest.param(dangling_deeply, "is a link to nothing", id="E67-dangling-deeply", marks=pytest.mark.fault("E67")),
        pytest.param(
            loop, "cannot be read: Too many levels of symbolic links", id="E67-loop", marks=pytest.mark.fault("E67")
        ),
        pytest.param(
            unsafe_target, "the link's target may be written by others than root (mode 0664)", id="E73-target"
        ),
        pytest.param(
            unsafe_directory_of_the_target, "may be written by others than root (mode 0777)", id="E73-its-directory"
        ),
        pytest.param(device_as_target, "is a device", id="E70-link-to-dev-zero", marks=pytest.mark.fault("E70")),
        pytest.param(secret, "cannot be read: Input/output error", id="E72-EIO", marks=pytest.mark.fault("E72")),
        pytest.param(endless, "is larger than 64 KiB", id="E70-endless", marks=pytest.mark.fault("E70")),
        pytest.param(fifo, "is a FIFO", id="E68-FIFO", marks=pytest.mark.fault("E68")),
        pytest.param(zero, "is a device", id="E70-dev-zero", marks=pytest.mark.fault("E70")),
        pytest.param(null, "is a device", id="E68-device", marks=pytest.mark.fault("E68")),
        pytest.param(folder, "is a directory", id="E68-directory", marks=pytest.mark.fault("E68")),
        pytest.param(
            unix_socket, "cannot be read: No such device or address", id="E68-socket", marks=pytest.mark.fault("E68")
        ),
        pytest.param(too_large, "is larger than 64 KiB", id="E70-64KiB", marks=pytest.mark.fault("E70")),
        pytest.param(empty, "is empty", id="E63-empty", marks=pytest.mark.fault("E63")),
        pytest.param(foreign, f"the file belongs to uid {NOBODY}", id="E73-owner", marks=pytest.mark.fault("E73")),
        pytest.param(
            writable_by_the_group,
            "the file may be written by others than root (mode 0664)",
            id="E73-group",
            marks=pytest.mark.fault("E73"),
        ),
        pytest.param(
            writable_by_all,
            "the file may be written by others than root (mode 0646)",
            id="E73-all",
            marks=pytest.mark.fault("E73"),
        ),
    ],
)
def test_what_cannot_be_used_freezes_its_network_alone(
    directory: Path, make: Callable[[Path], None], wrong: str
) -> None:
    make(directory)
    (directory / "pub.toml.bak").touch()
    (directory / "zoo.toml").write_text(good(1))
    open_before = descriptors()
    config = read(HERE, [directory])
    (error,) = config.errors
    assert error.file == directory / "pub.toml"
    assert wrong in error.wrong
    assert (names(config), set(config.frozen), config.unreadable) == (["zoo"], {"pub"}, False)
    assert descriptors() == open_before


def test_a_file_of_64_kib_is_read(directory: Path) -> None:
    (directory / "pub.toml").write_text(good() + "#" * (65536 - len(good())))
    assert names(read(HERE, [directory])) == ["pub"]


@pytest.mark.fault("E72")
def test_a_file_that_may_not_be_read_freezes_its_network_alone() -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        for number, file in enumerate(("pub", "zoo")):
            (directory / f"{file}.toml").write_text(good(number))
            (directory / f"{file}.toml").chmod(0o600 if file == "pub" else 0o644)
        with nobody():
            config = read(HERE, [directory])
    assert wrongs(config) == ["pub.toml: cannot be read: Permission denied"]
    assert config.errors[0].right == "let everybody read it: chmod a+rX"
    assert (names(config), set(config.frozen)) == (["zoo"], {"pub"})


# --- many --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1000, 5000])
@pytest.mark.fault("E71")
def test_many_files_are_read_whole(directory: Path, count: int) -> None:
    for number in range(count):
        (directory / f"net{number}.toml").write_text(good(number))
    config = read(HERE, [directory])
    assert config.errors == ()
    assert set(names(config)) == {f"net{number}" for number in range(count)}
    assert read(HERE, [directory]) == config


@pytest.mark.fault("E79")
def test_one_bad_file_of_a_hundred_harms_no_other(directory: Path) -> None:
    for number in range(100):
        (directory / f"net{number}.toml").write_text(good(number))
    (directory / "net42.toml").write_text("[network")
    config = read(HERE, [directory])
    assert (len(config.declarations), set(config.frozen), len(config.errors)) == (99, {"net42"}, 1)


@pytest.mark.fault("E74")
def test_of_two_that_declare_the_same_the_first_by_name_stays_whenever_it_came(directory: Path) -> None:
    (directory / "b.toml").write_text(good())
    assert names(read(HERE, [directory])) == ["b"]
    (directory / "a.toml").write_text(good())
    config = read(HERE, [directory])
    assert (names(config), set(config.frozen)) == (["a"], {"b"})
    assert "a.toml" in str(config.errors[0])
    assert "b.toml" in str(config.errors[0])


def test_errors_come_by_file_and_line(directory: Path) -> None:
    (directory / "b.toml").write_text(good() + "[network2]\n[shin]\n")
    (directory / "a.toml").write_text("\n\nx")
    assert [(error.file.name, error.line) for error in read(HERE, [directory]).errors] == [
        ("a.toml", 3),
        ("b.toml", 7),
        ("b.toml", 8),
    ]


# --- check -------------------------------------------------------------------------------------------------------


def test_check_asks_for_no_owner(directory: Path) -> None:
    writable_by_all(directory)
    os.chown(directory / "pub.toml", NOBODY, NOBODY)
    config = check([directory / "pub.toml"], HERE)
    assert (names(config), config.errors, config.directories) == (["pub"], (), ())


def test_check_reads_only_what_is_given(tmp_path: Path, directory: Path) -> None:
    fifo(directory)
    (tmp_path / "pub.toml").write_text(good())
    (tmp_path / "notes.txt").write_text(good())
    files = [tmp_path / "gone.toml", directory / "pub.toml", tmp_path / "pub.toml", tmp_path / "notes.txt"]
    config = check(files, HERE)
    assert names(config) == []
    assert {error.file: error.wrong for error in config.errors} == {
        files[0]: "cannot be read: No such file or directory",
        files[1]: "is a FIFO",
        files[2]: "another file called 'pub.toml' is given",
        files[3]: "would be ignored for its name",
    }

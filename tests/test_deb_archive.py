"""The Debian package's form: the same bytes each time, and what dpkg wants."""

from __future__ import annotations

import hashlib
import importlib
import importlib.machinery
import importlib.util
import io
import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

archive: Any = importlib.import_module("deb.archive")
elf: Any = importlib.import_module("deb.elf")
package_parts: Any = importlib.import_module("deb.package")
wheels: Any = importlib.import_module("deb.wheels")
NUMPY: dict[str, str] = wheels.NUMPY

needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb isn't here")


def build(folder: Path) -> Path:
    """Build a package of the real parts, with small files in place of the wheels."""
    own = folder / "edgehands-0.1.0-py3-none-any.whl"
    own.write_bytes(b"own")
    wheel = folder / "pip-1-py3-none-any.whl"
    wheel.write_bytes(b"pip")
    python = next(iter(NUMPY))
    out = folder / "edgehands_0.1.0+bookworm_arm64.deb"
    content = package_parts.files(ROOT, own, [wheel], python)
    with out.open("wb") as file:
        archive.write_deb(
            file,
            package_parts.control("0.1.0", "arm64", python),
            package_parts.maintainer_scripts("0.1.0", python),
            content,
            epoch=1_700_000_000,
            preset=0,
        )
    return out


def test_same_input_same_bytes(tmp_path: Path) -> None:
    """Nobody could check that a published package was built from this source."""
    digests = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        digests.add(hashlib.sha256(build(tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1


@needs_dpkg
def test_dpkg_reads_it(tmp_path: Path) -> None:
    """The package could not be installed, or a file of the service would be missing."""
    package = build(tmp_path)
    listing = subprocess.run(
        ["dpkg-deb", "--contents", str(package)], capture_output=True, text=True, check=True
    ).stdout
    for path in (
        "./usr/lib/systemd/system/edgehands.service",
        "./usr/lib/systemd/system/edgehands@.service",
        "./usr/lib/systemd/system/edgehands-settings.service",
        "./usr/lib/udev/rules.d/65-edgehands.rules",
        "./usr/lib/sysusers.d/edgehands.conf",
        "./usr/lib/tmpfiles.d/edgehands.conf",
        "./etc/edgehands/edgehands.toml",
        "./usr/bin/edgehands -> /usr/lib/edgehands/venv/bin/edgehands",
    ):
        assert path in listing
    for line in listing.splitlines():
        assert "root/root" in line
        if line.endswith(("edgehands-backoff", "edgehands-settings")):
            assert line.startswith("-rwxr-xr-x")
    fields = subprocess.run(
        ["dpkg-deb", "--field", str(package)], capture_output=True, text=True, check=True
    ).stdout
    assert "Architecture: arm64" in fields
    assert "Version: 0.1.0+bookworm\n" in fields
    assert "localhost" not in fields
    assert "Installed-Size:" in fields


def test_the_maintainer_is_who_builds_it() -> None:
    """A made-up address would receive somebody's mail forever."""
    assert package_parts.maintainer({}).endswith("@edgehands.invalid>")
    both = {"DEBFULLNAME": "Anna Example", "DEBEMAIL": "anna@example.org"}
    assert package_parts.maintainer(both) == "Anna Example <anna@example.org>"
    for wrong in ({"DEBEMAIL": "anna@example.org"}, {**both, "DEBEMAIL": "anna\nDepends: x"}):
        with pytest.raises(SystemExit, match="DEBFULLNAME"):
            package_parts.maintainer(wrong)


@needs_dpkg
def test_settings_are_a_conffile_and_scripts_run(tmp_path: Path) -> None:
    """An upgrade would overwrite what a person has set, or dpkg would refuse the package."""
    package = build(tmp_path)
    folder = tmp_path / "control"
    subprocess.run(["dpkg-deb", "--control", str(package), str(folder)], check=True)
    assert (folder / "conffiles").read_text() == "/etc/edgehands/edgehands.toml\n"
    for name in ("postinst", "prerm", "postrm"):
        script = folder / name
        assert script.stat().st_mode & 0o777 == 0o755
        assert not re.search(r"@[A-Z]+@", script.read_text())
        subprocess.run(["sh", "-n", str(script)], check=True)


def test_locks_name_apt_numpy_and_hash_everything() -> None:
    """A numpy newer than apt's breaks picamera2; a wheel without a hash could be anybody's."""
    for python, numpy in NUMPY.items():
        lines = [
            line
            for line in wheels.lock_file(python).read_text().splitlines()
            if not line.startswith("#")
        ]
        assert any(line.startswith(f"numpy=={numpy} ") for line in lines)
        for line in lines:
            assert "==" in line
            assert "--hash=sha256:" in line


def test_long_paths_and_odd_sizes(tmp_path: Path) -> None:
    """A wheel with a long name or an odd length would damage everything after it."""
    entries = [
        archive.Entry(f"usr/lib/{'a' * 120}.whl", b"odd"),
        archive.Entry("usr/lib/z", b"end"),
    ]
    raw = io.BytesIO()
    archive.write_deb(raw, "Package: x\nVersion: 1\nArchitecture: all", (), entries, epoch=0)
    assert len(raw.getvalue()) % 2 == 0
    if shutil.which("dpkg-deb") is None:
        pytest.skip("dpkg-deb isn't here")
    package = tmp_path / "x.deb"
    package.write_bytes(raw.getvalue())
    subprocess.run(["dpkg-deb", "-x", str(package), str(tmp_path / "out")], check=True)
    assert (tmp_path / "out" / entries[0].path).read_bytes() == b"odd"
    assert (tmp_path / "out" / "usr/lib/z").read_bytes() == b"end"


LIBRARY = """
#include <stdio.h>
static char buffer[100000];
int counted = 7;
int (*pointer)(const char *) = puts;
int answer(int x) { buffer[x] = 1; return counted + x + buffer[x]; }
"""


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc isn't here")
def test_a_stripped_library_is_smaller_and_loads(tmp_path: Path) -> None:
    """A library that no loader takes would leave a Pi without tracking."""
    (tmp_path / "a.c").write_text(LIBRARY + f"/* {'x' * 1000} */")
    library = tmp_path / "liba.so"
    subprocess.run(
        ["gcc", "-g3", "-O0", "-shared", "-fPIC", "-o", str(library), str(tmp_path / "a.c")],
        check=True,
    )
    before = library.read_bytes()
    # As auditwheel leaves them: what is loaded last lies behind the debugging data.
    moved = _with_the_last_segment_at_the_end(before)
    sizes = set()
    for form in (before, moved):
        made = elf.stripped(form)
        sizes.add(len(made))
        library.write_bytes(made)
        code = (
            f"import ctypes; lib = ctypes.CDLL({str(library)!r});"
            "assert lib.answer(5) == 13; assert ctypes.c_int.in_dll(lib, 'counted').value == 7"
        )
        subprocess.run([sys.executable, "-c", code], check=True)
        assert elf.stripped(made) == made
    assert len(sizes) == 1
    assert sizes.pop() < len(before) - 2000


def test_what_is_no_library_stays_as_it_is() -> None:
    """Python's own files and programs would be damaged."""
    for content in (b"", b"import os\n", b"\x7fELF\x01\x01" + bytes(100)):
        assert elf.stripped(content) == content


def _with_the_last_segment_at_the_end(library: bytes) -> bytes:
    """The same library, its last loaded segment moved behind everything else."""
    place = int.from_bytes(library[32:40], "little")
    count = int.from_bytes(library[56:58], "little")
    parts = [list(struct.unpack_from("<IIQQQQQQ", library, place + 56 * n)) for n in range(count)]
    last = max((part for part in parts if part[0] == 1), key=lambda part: part[2])
    start, end = last[2], last[2] + last[5]
    by = -(-len(library) // last[7]) * last[7]
    made = bytearray(library + bytes(by + start - len(library)) + library[start:end])
    for number, part in enumerate(parts):
        if start <= part[2] < end and part[5]:
            part[2] += by
        struct.pack_into("<IIQQQQQQ", made, place + 56 * number, *part)
    return bytes(made)


EXPORTING = """
int plain(void) { return 41; }
int numbers[3] = {1, 2, 3};
"""
USING = """
extern int plain(void); extern int numbers[3];
int used(void) { return plain() + numbers[2]; }
"""


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc isn't here")
@pytest.mark.parametrize("versioned", [False, True])
def test_a_hollow_library_is_enough_for_what_is_linked_with_it(
    tmp_path: Path, *, versioned: bool
) -> None:
    """OpenCV and PyAV would not be loaded any more: no tracking, no films."""
    hollow: Any = importlib.import_module("deb.hollow")
    (tmp_path / "a.c").write_text(EXPORTING)
    (tmp_path / "b.c").write_text(USING)
    (tmp_path / "a.map").write_text("VERSION_1 { global: plain; numbers; local: *; };")
    options = [f"-Wl,--version-script={tmp_path}/a.map"] if versioned else []
    gcc = ["gcc", "-shared", "-fPIC", "-Wl,-z,now"]
    library, user = tmp_path / "liba.so", tmp_path / "libb.so"
    for words in (
        [*options, "-Wl,-soname,liba.so", "-o", str(library), str(tmp_path / "a.c")],
        ["-o", str(user), str(tmp_path / "b.c"), str(library), f"-Wl,-rpath,{tmp_path}"],
    ):
        subprocess.run([*gcc, *words], check=True)
    code = f"import ctypes; print(ctypes.CDLL({str(user)!r}).used())"

    def said() -> str:
        done = subprocess.run(
            [sys.executable, "-c", code], check=False, capture_output=True, text=True
        )
        return done.stdout + done.stderr

    assert said() == "44\n"
    made = hollow.hollow(library.read_bytes())
    library.write_bytes(made)
    assert said() == "0\n"
    assert elf.stripped(made) == made


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc isn't here")
def test_a_forwarding_library_leads_to_the_one_that_has_the_symbols(tmp_path: Path) -> None:
    """On a PC OpenCV would not find the BLAS of Debian's numpy: nothing would start."""
    hollow: Any = importlib.import_module("deb.hollow")
    (tmp_path / "a.c").write_text(EXPORTING)
    (tmp_path / "b.c").write_text(USING)
    gcc = ["gcc", "-shared", "-fPIC", "-Wl,-z,now"]
    library, other, user = (tmp_path / f"lib{name}.so" for name in ("a", "other", "b"))
    for target in (library, other):
        words = [f"-Wl,-soname,{target.name}", "-o", str(target), str(tmp_path / "a.c")]
        subprocess.run([*gcc, *words], check=True)
    # As wheels are made: an RPATH would be inherited by what isn't theirs.
    runpath = f"-Wl,--enable-new-dtags,-rpath,{tmp_path}"
    words = ["-o", str(user), str(tmp_path / "b.c"), str(library), runpath]
    subprocess.run([*gcc, *words], check=True)
    made = hollow.forwarding(library.read_bytes(), [b"libother.so"])
    library.write_bytes(made)
    assert len(made) < 2000
    assert elf.stripped(made) == made
    code = f"import ctypes; print(ctypes.CDLL({str(user)!r}).used())"
    for environment, said in (({"LD_LIBRARY_PATH": str(tmp_path)}, "44\n"), ({}, "")):
        done = subprocess.run(
            [sys.executable, "-c", code],
            check=False, capture_output=True, text=True, env={**os.environ, **environment},
        )  # fmt: skip
        assert done.stdout == said, done.stderr
        assert bool(done.returncode) == (not said)


def test_what_comes_from_apt_is_a_dependency() -> None:
    """A package without numpy that doesn't ask for it would be installed and not start."""
    python = next(iter(NUMPY))
    of_apt: dict[str, tuple[str, ...]] = wheels.OF_APT
    for architecture in wheels.ARCHITECTURES:
        fields = package_parts.control("0.1.0", architecture, python)
        depends = re.search("^Depends: (.*)$", fields, re.MULTILINE)
        assert depends is not None
        wanted = [f"python3-{name}" for name in of_apt[architecture]]
        assert [item for item in depends[1].split(", ") if item.startswith("python3-")] == wanted
        assert ("nothing is fetched" in fields) == (not wanted)


def test_a_package_that_is_too_large_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    """It would grow unnoticed with a wheel's next version, on one architecture."""
    loader = importlib.machinery.SourceFileLoader("build_deb", str(ROOT / "scripts" / "build_deb"))
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader("build_deb", loader)  # type: ignore[arg-type]
    )
    loader.exec_module(module)
    content = [archive.Entry(f"usr/lib/{name}", bytes(1000 * name)) for name in range(12)]
    module.limit(60.0, content)
    assert capsys.readouterr().err == ""
    with pytest.raises(SystemExit, match=r"60\.1 MB"):
        module.limit(60.1, content)
    assert "usr/lib/11" in capsys.readouterr().err

"""What is written is whole or absent, and an error keeps its own name."""

import errno
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from isogloss import files
from isogloss.errors import OutputError
from isogloss.language import read_language

WRITERS = [files.atomic_write, files.atomic_folder]


@pytest.mark.parametrize("writer", WRITERS)
def test_an_error_of_reading_elsewhere_is_not_called_one_of_writing(tmp_path, writer):
    with pytest.raises(FileNotFoundError), writer(tmp_path / "x"):
        (tmp_path / "absent").read_text()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError("52428 requested and 0 written"),  # numpy
        RuntimeError("I/O error: No space left on device (os error 28)"),  # safetensors
    ],
)
def test_a_full_disk_is_named_however_a_library_says_it(tmp_path, writer, error):
    with pytest.raises(OutputError, match="no space left"), writer(tmp_path / "x"):
        raise error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("writer", WRITERS)
def test_a_folder_that_cannot_be_is_an_output_error(tmp_path, writer):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"), writer(tmp_path / "file" / "x"):
        pass


def test_a_folder_is_replaced_whole_and_kept_on_failure(tmp_path):
    with files.atomic_folder(tmp_path / "x") as folder:
        (folder / "a").write_text("1")
    with pytest.raises(RuntimeError), files.atomic_folder(tmp_path / "x") as folder:
        raise RuntimeError
    assert [p.name for p in (tmp_path / "x").iterdir()] == ["a"]
    with files.atomic_folder(tmp_path / "x") as folder:
        (folder / "b").write_text("2")
    assert [p.name for p in (tmp_path / "x").iterdir()] == ["b"]
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


REALLY_FULL = """
mount -t tmpfs -o size=64k tmpfs "$1" || exit 77
"$2" - "$1" <<'PY'
import sys
from pathlib import Path
from isogloss.errors import OutputError
from isogloss.files import atomic_write
for size in (10, 200_000):
    try:
        with atomic_write(Path(sys.argv[1]) / "x") as file:
            file.write("a" * size)
    except OutputError as error:
        print(size, "no space left" in str(error))
print([(p.name, p.stat().st_size) for p in Path(sys.argv[1]).iterdir()])
PY
"""


def test_a_disk_that_is_really_full(tmp_path):
    if os.geteuid() or not shutil.which("unshare"):
        pytest.skip("needs root and unshare, to mount a small disk of its own")
    command = ["unshare", "--mount", "bash", "-c", REALLY_FULL, "-", str(tmp_path), sys.executable]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode in (1, 77) and not run.stdout and "Traceback" not in run.stderr:
        pytest.skip("no small disk can be mounted here")
    assert run.stdout.splitlines() == ["200000 True", "[('x', 10)]"], run.stderr


def test_fingerprints_refuse_what_has_no_faithful_text():
    for part in (object(), {1, 2}, np.arange(5000)):
        with pytest.raises(TypeError, match="no text that names it"):
            files.fingerprint(part)
    assert files.fingerprint(read_language("deu")) == files.fingerprint("deu_Latn")
    assert files.fingerprint(["a", "b"]) != files.fingerprint(["b", "a"])


def test_what_is_in_a_folder_can_be_read_by_others(tmp_path):
    with files.atomic_folder(tmp_path / "made") as temporary:
        (temporary / "inner").mkdir(mode=0o700)
        for file in (temporary / "a", temporary / "inner" / "b"):
            file.touch(mode=0o600)
    modes = {f.name: f.stat().st_mode & 0o777 for f in (tmp_path / "made").rglob("*")}
    assert modes == {"a": 0o644, "inner": 0o755, "b": 0o644}

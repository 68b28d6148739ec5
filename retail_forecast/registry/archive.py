"""A bundle as the one file that SageMaker wants of a model: model.tar.gz, the same bytes for the same files."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path

ARCHIVE = "model.tar.gz"


def pack_folder(folder: Path, target: Path) -> Path:
    """Writes the folder's files to `target`/model.tar.gz, without times and owners."""
    archive = target / ARCHIVE
    with (
        archive.open("wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            tar.add(file, file.relative_to(folder).as_posix(), filter=_anonymous)
    return archive


def unpack_folder(archive: Path, target: Path) -> Path:
    """Reads the files back into `target`; a path that would leave it is refused."""
    target.mkdir(parents=True)
    with tarfile.open(archive) as tar:
        tar.extractall(target, filter="data")
    return target


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname = 0, 0, 0, "", ""
    entry.mode = 0o644
    return entry

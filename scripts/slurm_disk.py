"""Disks that can be full."""

import contextlib
import os
import subprocess

from debian_tools import Absent


class Disk:
    """A file system of its own, in memory, of so many bytes, which can be filled."""

    def __init__(self, folder, size):
        self.folder = folder
        folder.mkdir(parents=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Absent(f"no file system can be mounted here: {done.stderr.strip()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "--lazy", self.folder], check=False)

    def free(self):
        about = os.statvfs(self.folder)
        return about.f_bavail * about.f_bsize

    def fill(self):
        with open(self.folder / "filler", "ab") as file:
            while free := self.free():
                with contextlib.suppress(OSError):  # somebody was faster
                    os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, free)

    def empty(self):
        (self.folder / "filler").unlink(missing_ok=True)

    @contextlib.contextmanager
    def filled(self):
        self.fill()
        try:
            yield
        finally:
            self.empty()

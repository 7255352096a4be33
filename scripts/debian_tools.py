"""Programs of Debian's packages, for the checks that drive them."""

import os
import pathlib
import shutil
import subprocess
import tempfile


class Absent(Exception):
    """A tool is not here, and cannot be brought."""


def run(command, **options):
    """What a command prints; its failure is an error that shows what it said."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False, **options)
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def cache():
    user = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(os.environ.get("NDBENCH_CACHE") or pathlib.Path(user) / "ndbench")


def program(name, package):
    """Of the system, else from Debian's package, unpacked into the cache; nothing is installed into the system."""
    found = shutil.which(name)
    kept = cache() / name
    if found or kept.exists():
        return found or kept
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise Absent(f"{name} is not installed, and there is no apt-get to get it with")
    with tempfile.TemporaryDirectory() as work:
        apt = ["apt-get", "-qq", "-o", f"Dir::State::lists={work}/lists", "-o", f"Dir::Cache={work}/cache", "-o",
               "APT::Sandbox::User="]
        for folder in ("lists/partial", "cache/archives/partial"):
            (pathlib.Path(work) / folder).mkdir(parents=True)
        try:
            run([*apt, "update"])
            run([*apt, "download", package], cwd=work)
        except AssertionError as failure:
            raise Absent(f"Debian's package {package} cannot be had: {failure}") from failure
        run(["dpkg-deb", "-x", next(pathlib.Path(work).glob("*.deb")), work])
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(pathlib.Path(work) / "usr/bin" / name, kept)
    return kept

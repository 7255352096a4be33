"""Programs of Python's packages, for the checks that drive them."""

import shutil
import sys

from debian_tools import Absent, cache, run


def virtual_environment(name, tools):
    """The folder with the programs of a virtual environment that has `tools`, each with its version; it is made in the
    cache where it is missing, and nothing is installed into the system."""
    folder = cache() / f"{name}-{'-'.join(tool.split('==')[1] for tool in tools)}"
    if not (folder / "complete").exists():
        print(f"installing {', '.join(tools)} into {folder}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        try:
            run([sys.executable, "-m", "venv", folder])
            run([folder / "bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check", *tools])
        except AssertionError as failure:
            raise Absent(str(failure)) from failure
        (folder / "complete").touch()
    return folder / "bin"

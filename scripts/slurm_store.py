"""What must hold of a store, at its end and all the time while tasks of a cluster write to it."""

import gzip
import hashlib
import json
import os
import pathlib
import subprocess
import threading
import zlib

MAGIC = b"ndbench.checkpoint/3\n"
DIGEST = 32
# What Linux says of an open file that is no more.
REMOVED = " (deleted)"
# So many looks in a row: somebody who finds a trial taken has its lock's file open for a moment.
LOOKS = 3


def numbers(store):
    """What was trained and what came out, by the trials of a store; not when and where, nor what it took."""
    found = {}
    for path in sorted((store / "records").glob("*.json")):
        record = json.loads(path.read_text())
        epochs = [{key: value for key, value in epoch.items() if key != "seconds"} for epoch in record["epochs"]]
        found[record["trial_id"]] = [record["trial"], record["outcome"], record["data_digest"], epochs]
    return found


def trainings(ndbench, store):
    """The processes that train a row of a plan of the store."""
    found = subprocess.run(["pgrep", "-f", f"^{ndbench} run {store}/plans/.*--row"], capture_output=True, text=True, check=False)
    return [int(number) for number in found.stdout.split()]


def remains(store):
    """What a store whose trials are all done should not have: halves of files, what was set aside, checkpoints."""
    files = [path for path in store.rglob("*") if path.is_file()]
    return sorted(path.name for path in files if path.name.startswith(".tmp-") or ".unreadable" in path.name or path.suffix == ".ckpt")


def damaged_series(store):
    """Readings that cannot be read to their end."""
    found = []
    for path in sorted((store / "telemetry").glob("*.csv.gz")):
        try:
            gzip.decompress(path.read_bytes())
        except (OSError, EOFError, zlib.error) as failure:
            found.append(f"{path.name}: {failure}")
    return found


def open_locks(number, store):
    """The trials whose locks a process has open; one on a removed file ends in ` (deleted)`."""
    found = set()
    try:
        for entry in os.scandir(f"/proc/{number}/fd"):
            target = os.readlink(entry.path)
            if target.startswith(f"{store}/locks/"):
                found.add(pathlib.Path(target).name)
    except OSError:
        pass  # it has ended, or closed the file
    return found


class Watch:
    """Looks at a store again and again, in a thread; `failures` is what was wrong, in words."""

    def __init__(self, ndbench, store):
        self.ndbench, self.store, self.failures = ndbench, store, []
        self.finished, self.checkpoints, self.epochs, self.together = {}, {}, {}, {}
        self.looks, self.seen = 0, {"checkpoints": 0, "two at a lock": 0, "out of memory": 0}
        self.spent = set()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def work(self):
        while not self.over.wait(0.2):
            try:
                self.look()
            except Exception as failure:  # a thread's end must be noticed
                self.failures.append(f"the watch: {failure!r}")
                return

    def look(self):
        self.looks += 1
        self.look_at_locks()
        self.look_at_records()
        self.look_at_checkpoints()

    def look_at_locks(self):
        """No two processes train a trial at a time."""
        holders = {}
        for number in trainings(self.ndbench, self.store):
            for lock in open_locks(number, self.store):
                holders.setdefault(lock.removesuffix(REMOVED), set()).add(number)
                if lock.endswith(REMOVED):
                    self.failures.append(f"{lock} under the process {number}, which holds it")
        self.together = {(lock, frozenset(who)): self.together.get((lock, frozenset(who)), 0) + 1
                         for lock, who in holders.items() if len(who) > 1}
        self.seen["two at a lock"] += len(self.together)
        for (lock, who), looks in self.together.items():
            if looks == LOOKS:
                self.failures.append(f"the processes {sorted(who)} train at the same time, by {lock}")

    def look_at_records(self):
        """Every record is whole, and one that is finished stays as it is."""
        contents = {}
        for path in (self.store / "records").glob("*.json"):
            try:
                content = contents[path] = path.read_bytes()
            except FileNotFoundError:
                continue  # an incomplete one makes way for the next
            try:
                outcome = json.loads(content)["outcome"]["kind"]
            except ValueError as failure:
                self.failures.append(f"{path.name} is half written: {failure}")
                continue
            if outcome == "finished":
                self.finished.setdefault(path, content)
            elif outcome == "oom":
                self.spent.add(path)
        self.seen["out of memory"] = len(self.spent)
        for path, content in self.finished.items():
            if contents.get(path) != content:
                self.failures.append(f"{path.name} was finished, and is {'another' if path in contents else 'gone'} now")

    def look_at_checkpoints(self):
        """Every checkpoint is whole, and goes no less far than the one before."""
        for path in (self.store / "checkpoints").glob("*.ckpt"):
            try:
                with open(path, "rb") as file:
                    about = os.fstat(file.fileno())
                    key = (about.st_ino, about.st_mtime_ns)
                    if self.checkpoints.get(path) == key:
                        continue
                    content = file.read()
            except FileNotFoundError:
                continue  # the trial has just ended
            self.checkpoints[path] = key
            self.seen["checkpoints"] += 1
            if not content.startswith(MAGIC) or hashlib.sha256(content[:-DIGEST]).digest() != content[-DIGEST:]:
                self.failures.append(f"{path.name} is damaged")
                continue
            length = int.from_bytes(content[len(MAGIC):len(MAGIC) + 8], "little")
            progress = json.loads(content[len(MAGIC) + 8:len(MAGIC) + 8 + length])["progress"]
            far = (len(progress["epochs"]), progress["step"])
            if far < self.epochs.get(path, (0, 0)):
                self.failures.append(f"{path.name} has gone back from {self.epochs[path]} to {far} (epochs, steps)")
            self.epochs[path] = far

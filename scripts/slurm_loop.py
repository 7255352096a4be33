"""Random faults while a matrix is submitted again and again until it is done, over and over."""

import collections
import random
import shutil
import threading
import time

from slurm_faults import KINDS
from slurm_store import Watch, damaged_series, numbers, remains

# From the last fault of a matrix to its end; a node that died may take a while to come back.
PATIENCE = 400


def draw_of(seed, n):
    """The kind of the n-th fault, the time before it, and what draws the rest; each kind is as frequent as any other."""
    kinds = list(KINDS)
    random.Random(f"{seed}, deck {n // len(kinds)}").shuffle(kinds)
    draw = random.Random(f"{seed}, fault {n}")
    return kinds[n % len(kinds)], draw.uniform(0.5, 6), draw


class Submitter:
    """Submits what is missing, and asks for the status, until told to end."""

    def __init__(self, site, trials, tell):
        self.site, self.trials, self.tell, self.is_done, self.failures, self.times = site, trials, tell, False, [], 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def work(self):
        while not self.over.is_set():
            begun = time.monotonic()
            done = self.site.submit()
            self.times += 1
            if done.returncode and not self.site.is_excused(begun):
                self.failures.append(f"submit: {done}")
            self.is_done = f"{self.trials} trials: {self.trials} done" in done.stderr
            status = self.site.tell("status", "--json")
            if status.returncode:
                self.failures.append(f"status: {status}")
            for name in self.site.cluster.mend():
                self.tell(f"    Slurm had drained {name}")
            self.over.wait(2)


class Loop:
    """So many faults, drawn by a seed; `say` hears of each."""

    def __init__(self, site, wanted, faults, seed, say):
        self.site, self.wanted, self.faults, self.seed, self.say = site, wanted, faults, seed, say
        self.n, self.counts = 0, collections.Counter()
        self.begun = time.monotonic()

    def tell(self, words):
        self.say(f"{time.monotonic() - self.begun:7.1f} s  {words}")

    def run(self):
        """One line for each matrix that is as it should be."""
        self.tell(f"{self.faults} faults with the seed {self.seed}")
        matrices = 0
        while self.n < self.faults:
            begun, before, matrices = time.monotonic(), self.n, matrices + 1
            seen = self.matrix(min(self.faults, self.n + random.Random(f"{self.seed}, matrix {matrices}").randint(6, 16)))
            shutil.rmtree(self.site.store)
            yield f"matrix {matrices} is whole after {self.n - before} faults, in {time.monotonic() - begun:.0f} s; {seen}"

    def matrix(self, until):
        """Faults up to the `until`-th, the end, and the comparison."""
        with Watch(self.site.ndbench, self.site.store) as watch, Submitter(self.site, len(self.wanted), self.tell) as submitter:
            def look():
                wrong = watch.failures + submitter.failures
                assert not wrong, "\n".join(wrong)

            self.disturb(until, submitter, look)
            end = time.monotonic() + PATIENCE
            while not (submitter.is_done and self.site.cluster.tasks() == []):
                look()
                assert time.monotonic() < end, f"not done within {PATIENCE} s: {self.site.tell('status').stdout}\n" + str(
                    self.site.cluster.ask("squeue", "-o", "%i %j %T %r %e"))
                time.sleep(0.5)
        watch.look()
        look()
        self.compare()
        return f"{submitter.times} times submitted, {watch.looks} looks at {watch.seen}"

    def compare(self):
        """The store has what the undisturbed one has, and nothing else."""
        found = numbers(self.site.store)
        assert found == self.wanted, differences(found, self.wanted)
        left = remains(self.site.store) + damaged_series(self.site.store)
        skipped = self.site.tell("report").stderr
        assert not left and not skipped, (left, skipped)

    def disturb(self, until, submitter, look):
        """Lets faults happen, and ends each in its time, whatever else there is."""
        under_way, due = [], None
        while self.n < until or under_way:
            look()
            now = time.monotonic()
            for when, fault in [entry for entry in under_way if entry[0] <= now]:
                next(fault, None)
                under_way.remove((when, fault))
            if self.n < until and submitter.is_done and not under_way:
                return  # too early: the next matrix has the rest
            kind, gap, draw = draw_of(self.seed, self.n)
            due = due or now + gap
            if self.n < until and now >= due:
                fault = kind(self.site, draw)
                if began := next(fault, None):
                    words, seconds = began
                    self.n, due = self.n + 1, None
                    self.counts[kind.__name__] += 1
                    self.tell(f"{self.n:3} {kind.__name__}: {words}")
                    under_way.append((time.monotonic() + seconds, fault))
            time.sleep(0.1)


def differences(found, wanted):
    """By trials, in words."""
    lines = [f"{trial} is missing" for trial in wanted if trial not in found]
    for trial, (what, *rest) in found.items():
        if trial not in wanted:
            lines.append(f"{trial} is not of the matrix: {what}")
        elif [what, *rest] != wanted[trial]:
            lines.append(f"{trial} is {rest} and not {wanted[trial][1:]}")
    return "\n".join(lines)

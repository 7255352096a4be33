"""What may go wrong on a cluster, as things that one can do to it.

A fault is a generator. It changes something and yields what it did, in words, and after how many seconds it is to be resumed
to put things right again; or it ends at once, where there is nothing to do it to."""

import contextlib
import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from slurm_cluster import kill_all, state
from slurm_store import trainings


class Site:
    """A cluster, a disk, and a matrix that is trained into a store on it."""

    def __init__(self, cluster, disk, ndbench, matrix):
        self.cluster, self.disk, self.ndbench, self.matrix = cluster, disk, ndbench, matrix
        # Of the symbols with which Slurm names files.
        self.store = disk.folder / "100%j"
        self.troubles, self.calm_since = 0, 0.0

    def tell(self, command, *more):
        return subprocess.run([self.ndbench, command, *self.matrix, "--store", self.store, *more], env=self.cluster.environment,
                              capture_output=True, text=True, check=False)

    def submit(self):
        """Also what has run out of memory."""
        return self.tell("submit", "--retry", "oom")

    def little_memory(self, node):
        """While this file is there, trainings that begin on the node run out of memory, in the same way."""
        return self.cluster.folder / f"little-memory-{node}"

    def no_device(self, node):
        """While this file is there, trainings on the node find no device; the profile's `setup` sees to that."""
        return self.cluster.folder / f"no-device-{node}"

    def training(self):
        return trainings(self.ndbench, self.store)

    def tasks(self):
        """The trainings under way that Slurm has started, with their environments."""
        found = [(number, variables(number)) for number in self.training()]
        return [(number, env) for number, env in found if "SLURM_ARRAY_TASK_ID" in env]

    def is_excused(self, begun):
        """The disk was full or the controller away at some time since `begun`: then a command may fail."""
        return self.troubles > 0 or self.calm_since >= begun

    @contextlib.contextmanager
    def trouble(self):
        self.troubles += 1
        try:
            yield
        finally:
            # Slurm needs a while to find its own again.
            self.calm_since = time.monotonic() + 5
            self.troubles -= 1


def variables(number):
    """The environment that a process was started with."""
    try:
        with open(f"/proc/{number}/environ", encoding="utf-8", errors="replace") as file:
            return dict(pair.split("=", 1) for pair in file.read().split("\0") if "=" in pair)
    except OSError:
        return {}


def task_of(env):
    """As Slurm's programs take it, `4_2`."""
    return f"{env['SLURM_ARRAY_JOB_ID']}_{env['SLURM_ARRAY_TASK_ID']}"


def running(site, draw):
    """A training under way and its task; or nothing."""
    number, env = draw.choice(site.tasks() or [(None, None)])
    return number, env and task_of(env)


def training_killed(site, draw):
    number, task = running(site, draw)
    if number:
        kill_all([number])
        yield f"the training of {task} is killed", 0


def task_killed(site, draw):
    number, task = running(site, draw)
    job = variables(number).get("SLURM_JOB_ID") if number else None
    if job:
        kill_all(site.cluster.processes_with(f"SLURM_JOB_ID={job}"))
        yield f"all processes of {task} are killed", 0


def asked(site, draw, words, *command):
    number, task = running(site, draw)
    if number and site.cluster.is_listening() and site.cluster.ask(*command, task) is not None:
        yield f"{task} {words}", 0


def cancelled(site, draw):
    yield from asked(site, draw, "is cancelled", "scancel")


def warned(site, draw):
    if site.cluster.is_listening():
        yield from asked(site, draw, "is warned", "scancel", "--signal=USR2")
    else:
        number, task = running(site, draw)
        if number:
            os.kill(number, signal.SIGUSR2)
            yield f"{task} is warned, and then the controller is away", 0


def told_to_end(site, draw):
    """As a task is that is preempted with a time of grace: its training alone hears of it."""
    yield from asked(site, draw, "is told to end", "scancel", "--signal=TERM")


def requeued(site, draw):
    yield from asked(site, draw, "is requeued", "scontrol", "requeue")


def preempted(site, draw):
    """By an urgent job, for which its node is taken, and which ends soon."""
    number, task = running(site, draw)
    node = variables(number).get("SLURMD_NODENAME") if number else None
    if node and site.cluster.is_listening():
        urgent, seconds = f"urgent{draw.randrange(10**6)}", draw.uniform(10, 30)
        words = [f"PartitionName={urgent}", f"Nodes={node}", "PriorityTier=10", "PreemptMode=OFF", "MaxTime=1"]
        job = ["--job-name", urgent, f"--partition={urgent}", "--output=/dev/null", "--wrap=sleep 1"]
        if site.cluster.ask("scontrol", "create", *words) is not None and site.cluster.ask("sbatch", *job) is not None:
            yield f"{task} gives {node} to an urgent job", seconds
            # Where the controller is away, the job ends by itself; a partition without jobs does no harm.
            site.cluster.ask("scancel", "--name", urgent)
            site.cluster.ask("scontrol", "delete", f"PartitionName={urgent}")


def out_of_memory(site, draw):
    """The next trainings of a node; a training under way makes room for one."""
    number, task = running(site, draw)
    node = variables(number).get("SLURMD_NODENAME") if number else None
    if node:
        seconds, mark = draw.uniform(10, 25), site.little_memory(node)
        if not mark.exists():
            mark.touch()
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGUSR2)
            yield f"{node} has little memory for {seconds:.1f} s, and {task} begins anew", seconds
            mark.unlink()


def stopped(site, draw):
    """Until its time limit, or not."""
    number, task = running(site, draw)
    if number:
        seconds = draw.choice([draw.uniform(1, 10), draw.uniform(20, 60)])
        os.kill(number, signal.SIGSTOP)
        yield f"the training of {task} stands still for {seconds:.1f} s", seconds
        if state(number) == "T":
            os.kill(number, signal.SIGCONT)


def node_dead(site, draw):
    names = site.cluster.living(site.cluster.names())
    if names and site.training():
        name, seconds = draw.choice(names), draw.choice([draw.uniform(0, 5), draw.uniform(15, 40)])
        site.cluster.kill_node(name)
        yield f"{name} dies with all of its processes, for {seconds:.1f} s", seconds
        site.cluster.start_node(name)


def node_silent(site, draw):
    names = site.cluster.living(site.cluster.names())
    if names and site.training():
        name, seconds = draw.choice(names), draw.choice([draw.uniform(0, 5), draw.uniform(15, 40)])
        site.cluster.kill(name)
        yield f"slurmd of {name} is killed, for {seconds:.1f} s", seconds
        site.cluster.start_node(name)


def controller_dead(site, draw):
    if site.cluster.is_listening():
        seconds = draw.uniform(0, 15)
        with site.trouble():
            site.cluster.kill("slurmctld")
            yield f"slurmctld is killed, for {seconds:.1f} s", seconds
            site.cluster.start_controller()
            site.cluster.until("controller", lambda: site.cluster.ask("scontrol", "ping"), 60)


def controller_slow(site, draw):
    if site.cluster.is_listening():
        seconds, process = draw.uniform(2, 15), site.cluster.processes["slurmctld"]
        with site.trouble():
            process.send_signal(signal.SIGSTOP)
            yield f"slurmctld stands still for {seconds:.1f} s", seconds
            process.send_signal(signal.SIGCONT)


def disk_full(site, draw):
    if site.disk.free() and site.training():
        seconds = draw.uniform(1, 10)
        with site.trouble(), site.disk.filled():
            yield f"the disk is full for {seconds:.1f} s", seconds


def node_disk_full(site, draw):
    """Of the node alone: nothing of the store is there, so nothing that is asked here may fail."""
    names = site.cluster.living(site.cluster.names())
    if names and site.training():
        name, seconds = draw.choice(names), draw.uniform(1, 10)
        disk = site.cluster.disks[name]
        if disk.free():
            with disk.filled():
                yield f"the disk of {name} is full for {seconds:.1f} s", seconds


def submitted_twice(site, draw):
    """At once, by two people."""
    begun = time.monotonic()
    with ThreadPoolExecutor() as pool:
        both = [pool.submit(site.submit) for _ in range(2)]
        failed = [one.result() for one in both if one.result().returncode]
    assert not failed or site.is_excused(begun), failed
    yield "submit runs twice at once", 0


KINDS = [training_killed, task_killed, cancelled, warned, told_to_end, requeued, preempted, out_of_memory, stopped, node_dead,
         node_silent, controller_dead, controller_slow, disk_full, node_disk_full, submitted_twice]

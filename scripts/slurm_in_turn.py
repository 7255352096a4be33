"""Each fault in its turn, with what must follow from it."""

import json
import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor

from slurm_cluster import kill_all, state
from slurm_faults import task_of
from slurm_store import Watch

PATIENCE = 240
# So many file times of a folder have been seen: something came and went there twice.
TRIES = 4


class InTurn:
    """A site whose store is new."""

    def __init__(self, site, scraper):
        self.site, self.cluster, self.scraper = site, site.cluster, scraper

    def run(self):
        """One line for each thing that is right."""
        with Watch(self.site.ndbench, self.site.store) as watch:
            for part in [self.submission, self.metrics, self.requeue_and_full_disk, self.time_limit, self.kill, self.preemption,
                         self.device, self.node_disk, self.node, self.daemon, self.controller, self.end]:
                said = part()
                assert not watch.failures, "\n".join(watch.failures)
                yield said

    def until(self, what, holds):
        return self.cluster.until(what, holds, PATIENCE)

    def until_gone(self, number):
        self.until("end of the training", lambda: state(number) in (None, "Z"))

    def submit(self, *more):
        done = self.site.tell("submit", *more)
        assert done.returncode == 0, done
        return done.stderr

    def slurm(self, *command):
        said = self.cluster.ask(*command)
        assert said is not None, command
        return said

    def training(self, but=None):
        """One under way that has written a checkpoint, its task and its node."""
        def found():
            for number, env in self.site.tasks():
                if number != but and any(self.site.store.glob("checkpoints/*.ckpt")):
                    return number, task_of(env), env["SLURMD_NODENAME"]
            return None
        return self.until("training", found)

    def restarts(self, task):
        said = self.slurm("scontrol", "-o", "show", "job", task)
        return int(re.search(r" Restarts=(\d+) ", said).group(1))

    def is_queued(self, task):
        tasks = self.cluster.tasks()
        return tasks is None or any(f"{array}_{index}" == task for array, index, *_ in tasks)

    def says(self, words):
        """In the tasks' output or in a record."""
        files = [*self.site.store.glob("slurm/*.log"), *self.site.store.glob("records/*.json")]
        return any(words in path.read_text(errors="replace") for path in files)

    def submission(self):
        done = self.site.tell("submit", "--attempts", "2", "--dry-run")
        assert "4 to submit in 2 block(s)" in done.stderr and "--array=1-2" in done.stdout and not self.site.store.exists(), done
        self.submit("--attempts", "2")
        self.until("two trainings", lambda: len(self.site.training()) == 2)
        said = self.submit("--attempts", "2")
        assert "4 in the queue, 0 to submit" in said, said
        return "a matrix is submitted once, in blocks"

    def metrics(self):
        for query in ["up == 1", "sum by (instance) (ndbench_train_steps_total) > 0"]:
            self.until(query, lambda: len(self.scraper.values(query)) == 2)
        return "one Prometheus finds both tasks and reads how far they are"

    def requeue_and_full_disk(self):
        # This one is late for the next part.
        self.late, self.late_task, _ = self.training()
        assert self.restarts(self.late_task) == 0
        os.kill(self.late, signal.SIGSTOP)
        number, task, _ = self.training(but=self.late)
        self.slurm("scontrol", "requeue", task)
        self.until_gone(number)
        self.training(but=self.late)
        self.until("training that goes on", lambda: self.says("continuing after"))
        folder, times = self.site.store / "checkpoints", set()
        with self.site.disk.filled():
            self.until("checkpoints tried", lambda: times.add(folder.stat().st_mtime_ns) or len(times) >= TRIES)
        self.until("word of the full disk", lambda: self.says("No space left"))
        return "a requeued task goes on, also on a full disk"

    def time_limit(self):
        # Slurm lets it go on before it warns it.
        self.until_gone(self.late)
        self.until("requeue", lambda: self.restarts(self.late_task))
        assert self.says("warned of the end of its time")
        return "a task is warned at its time limit, and requeued"

    def kill(self):
        self.submit()
        number, task, _ = self.training()
        kill_all([number])
        self.until("end of the task", lambda: not self.is_queued(task))
        said = self.submit()
        assert " 0 to submit" not in said, said
        return f"what was killed is missing: {said.splitlines()[0]}"

    def preemption(self):
        number, task, node = self.training()
        before = self.restarts(task)
        # It does not end before; Slurm lets it go on.
        os.kill(number, signal.SIGSTOP)
        self.slurm("scontrol", "create", "PartitionName=urgent", f"Nodes={node}", "PriorityTier=10", "PreemptMode=OFF", "MaxTime=1")
        self.slurm("sbatch", "--partition=urgent", "--output=/dev/null", "--wrap=sleep 1")
        self.until_gone(number)
        self.until("requeue", lambda: self.restarts(task) > before)
        self.until("end of the urgent job", lambda: self.cluster.ask("scontrol", "delete", "PartitionName=urgent") is not None)
        return f"{task} is preempted with a time of grace, and requeued"

    def device(self):
        number, task, node = self.training()
        [other] = set(self.cluster.names()) - {node}
        os.kill(number, signal.SIGSTOP)
        # It is to come back to its node.
        self.slurm("scontrol", "update", f"NodeName={other}", "State=DRAIN", "Reason=check")
        mark = self.site.no_device(node)
        mark.touch()
        self.slurm("scontrol", "requeue", task)
        self.until("word of the device", lambda: "cannot train it: no CUDA device" in self.site.tell("status").stdout)
        self.until("excluded node", lambda: (self.cluster.ask("squeue", "-h", "-j", task, "-o", "%x") or "").strip() == node)
        self.slurm("scontrol", "update", f"NodeName={other}", "State=RESUME")

        def is_elsewhere():
            found = [env for _, env in self.site.tasks() if task_of(env) == task]
            return any(env["SLURMD_NODENAME"] == other for env in found)
        self.until(f"{task} on {other}", is_elsewhere)
        mark.unlink()
        return f"{task} goes to {other} where {node} has no device any more"

    def progress(self):
        """What has become of each trial."""
        said = json.loads(self.site.tell("status", "--json").stdout)["trials"]
        return {trial["trial_id"]: trial["progress"] for trial in said}

    def node_disk(self):
        number, task, node = self.training()

        def held():
            return {trial: is_at for trial, is_at in self.progress().items() if f"process {number} on " in is_at.get("by", "")}

        def goes_on():
            now = self.progress()
            return any(now[trial]["state"] == "finished" or far(now[trial]) > far(was) for trial, was in before.items())

        def far(is_at):
            return is_at.get("epochs", 0), is_at.get("steps", 0)

        before, disk = self.until("held trial", held), self.cluster.disks[node]
        with disk.filled():
            assert not disk.free(), f"{disk.folder} is not full"
            self.until("training that goes on", goes_on)
        return f"{task} goes on while the disk of {node} is full"

    def node(self):
        _, task, node = self.training()
        before = self.restarts(task)
        self.cluster.kill_node(node)
        self.until("requeue", lambda: self.restarts(task) > before)
        self.cluster.start_node(node)
        return f"{node} dies with all of its processes, and its task is requeued"

    def daemon(self):
        number, _, node = self.training()
        self.cluster.kill(node)
        self.cluster.start_node(node)
        assert state(number) not in (None, "Z")
        return "a training outlives its node's daemon"

    def controller(self):
        with ThreadPoolExecutor() as pool:
            self.cluster.processes["slurmctld"].send_signal(signal.SIGSTOP)
            slow = pool.submit(self.submit)
            time.sleep(4)
            self.cluster.processes["slurmctld"].send_signal(signal.SIGCONT)
            assert " 0 to submit" in slow.result(), slow.result()
            time.sleep(4)  # what it has not written down yet it forgets
            self.cluster.kill("slurmctld")
            status, submitted = pool.submit(self.site.tell, "status", "--json"), pool.submit(self.site.tell, "submit")
            status, submitted = status.result(), submitted.result()
        assert status.returncode == 0 and json.loads(status.stdout)["queue_unknown"], status
        assert submitted.returncode == 6, submitted
        self.cluster.start_controller()
        return "submit waits for a slow controller and does nothing without one; status does"

    def end(self):
        def is_done():
            # A task that the controller forgot and started anew: Slurm puts its node aside.
            self.cluster.mend()
            tasks = self.cluster.tasks()
            # It releases what Slurm holds after that.
            return tasks is not None and " 8 done" in self.submit() and tasks == []
        self.until("end", is_done)
        self.until("empty queue", lambda: self.cluster.tasks() == [])
        assert any((self.site.store / "slurm").glob("report-faults-*/*"))
        assert not self.scraper.files(), self.scraper.files()
        self.until("Prometheus without targets", lambda: not self.scraper.values("up"))
        return "all is done, and Prometheus looks for no task"


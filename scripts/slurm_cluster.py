"""A Slurm cluster on this machine, for checks: controller and nodes are processes of a folder, and end with it."""

import contextlib
import os
import pathlib
import random
import secrets
import shutil
import signal
import socket
import subprocess
import time

from debian_tools import Absent
from slurm_disk import Disk

CONFIG = """ClusterName=check
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
# A requeued job waits until credentials have expired.
AuthInfo=socket={folder}/munge.sock,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.number
SlurmdPidFile={folder}/%n.number
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmdParameters=config_overrides
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
# Jobs of a partition with a higher tier take nodes from others, whose end they announce a while before.
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SchedulerParameters=sched_interval=2,sched_min_interval=100000,batch_sched_delay=0
KillWait=5
SlurmdTimeout=15
MinJobAge=3600
MaxArraySize=101
"""


# What slurmd keeps of its jobs, and the temporary files of these.
NODE_DISK = 8 << 20


def processes_with(*variables):
    """The processes with all of these, `NAME=value`, in the environment that they were started with."""
    found, wanted = [], {variable.encode() for variable in variables}
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            # One that is dead and not yet buried has none.
            if wanted <= set((folder / "environ").read_bytes().split(b"\0")):
                found.append(int(folder.name))
        except OSError:
            continue
    return sorted(found)


def kill_all(numbers):
    for number in numbers:
        try:
            os.kill(number, signal.SIGKILL)
        except ProcessLookupError:
            continue


def state(number):
    """`R`, `S`, `T` for stopped; absent for a process that is no more."""
    try:
        return pathlib.Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return None


class Cluster:
    """Slurm on so many nodes of one core each; `environment` is what its clients need."""

    def __init__(self, folder, nodes):
        missing = [p for p in ("munged", "munge", "slurmctld", "slurmd", "sbatch") if not self.find(p)]
        if missing or os.geteuid():
            raise Absent("Slurm needs root" if not missing else f"{', '.join(missing)} is not here (Debian: slurm-wlm, munge)")
        self.folder, self.nodes, self.processes = pathlib.Path(folder), nodes, {}
        (self.folder / "state").mkdir(parents=True)
        ports = self.free_ports(nodes + 1)
        text = CONFIG.format(host=socket.gethostname().split(".")[0], port=ports[0], folder=self.folder)
        for name, port in zip(self.names(), ports[1:]):
            text += f"NodeName={name} NodeHostname={name} NodeAddr=127.0.0.1 Port={port} CPUs=1 RealMemory=4000 State=UNKNOWN\n"
        text += "PartitionName=batch Nodes=ALL Default=YES MaxTime=1:00:00 PriorityTier=1 GraceTime=60 State=UP\n"
        (self.folder / "slurm.conf").write_text(text)
        self.environment = os.environ | {"SLURM_CONF": str(self.folder / "slurm.conf")}

    def names(self):
        return [f"node{n}" for n in range(1, self.nodes + 1)]

    @staticmethod
    def find(name):
        return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")

    @staticmethod
    def free_ports(count):
        """Not of those that the system hands out: while a daemon is dead nobody is to take its port."""
        found = []
        for port in random.sample(range(10_000, 32_000), 1000):
            with socket.socket() as listener, contextlib.suppress(OSError):
                listener.bind(("", port))
                found.append(port)
            if len(found) == count:
                return found
        raise AssertionError("no free ports")

    def spawn(self, name, *command, **environment):
        log = open(self.folder / f"{name}.out", "ab")
        self.processes[name] = subprocess.Popen([self.find(command[0]), *command[1:]], stdin=subprocess.DEVNULL, stdout=log,
                                                stderr=log, env=self.environment | environment, start_new_session=True)

    def start_controller(self):
        self.spawn("slurmctld", "slurmctld", "-D")

    def start_node(self, name):
        """All processes of the node carry its name, as Slurm has the tasks carry it."""
        self.spawn(name, "slurmd", "-D", "-N", name, SLURMD_NODENAME=name)

    def living(self, names):
        return [name for name in names if name in self.processes]

    def kill(self, name):
        """Without a chance to write anything down."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def kill_node(self, name):
        """With everything on it, as a loss of power does."""
        self.kill(name)
        while found := self.processes_with(f"SLURMD_NODENAME={name}"):
            kill_all(found)
            time.sleep(0.05)

    def processes_with(self, variable):
        """Those of this cluster alone."""
        return processes_with(f"SLURM_CONF={self.environment['SLURM_CONF']}", variable)

    def hasten(self):
        """Tasks that wait for a time, such as those that found their trial taken, begin at once."""
        waiting = (self.ask("squeue", "-h", "-r", "-t", "PD", "-o", "%i|%r") or "").split("\n")
        for task in (line.removesuffix("|BeginTime") for line in waiting if line.endswith("|BeginTime")):
            self.ask("scontrol", "update", f"JobId={task}", "StartTime=now")

    def mend(self):
        """Nodes that Slurm has put aside for good go back to work, as an administrator would have them; their names."""
        self.hasten()
        found = (self.ask("sinfo", "-h", "-N", "-t", "drain", "-o", "%N %T") or "").split("\n")
        names = [name for name, state in map(str.split, filter(None, found)) if not state.startswith("draining")]
        return [name for name in names if self.ask("scontrol", "update", f"NodeName={name}", "State=RESUME") is not None]

    def is_listening(self):
        """The controller is there, and not stopped."""
        process = self.processes.get("slurmctld")
        return process is not None and state(process.pid) != "T"

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.disks = {name: stack.enter_context(Disk(self.folder / name, NODE_DISK)) for name in self.names()}
            self.start()
            self.mounted = stack.pop_all()
        return self

    def start(self):
        key = self.folder / "munge.key"
        key.touch(0o600)
        key.write_bytes(secrets.token_bytes(1024))
        munge = [f"--{option}={self.folder}/munge.{end}" for option, end in
                 [("key-file", "key"), ("socket", "sock"), ("pid-file", "number"), ("log-file", "log"), ("seed-file", "seed")]]
        self.spawn("munged", "munged", "--foreground", "--force", *munge)
        self.until("munged", lambda: (self.folder / "munge.sock").exists(), 20)
        self.start_controller()
        for name in self.names():
            self.start_node(name)
        self.until("idle nodes", lambda: (self.ask("sinfo", "-h", "-N", "-o", "%T") or "").split() == ["idle"] * self.nodes, 60)

    def __exit__(self, *_):
        if "slurmctld" in self.processes:
            self.ask("scancel", "--me")
            end = time.monotonic() + 20
            while self.tasks() and time.monotonic() < end:
                time.sleep(0.2)
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        self.mounted.close()

    def ask(self, *command):
        """What a client prints; None where the controller does not answer."""
        done = subprocess.run(["timeout", "20", *command], env=self.environment, capture_output=True, text=True, check=False)
        return None if done.returncode else done.stdout

    def tasks(self):
        """Tasks that wait or run: number of the array, index, state; None where the controller does not answer."""
        printed = self.ask("squeue", "--me", "-h", "-r", "-o", "%F %K %T %A")
        return None if printed is None else [line.split() for line in printed.splitlines()]

    def until(self, what, holds, seconds):
        """What `holds` says once that is something."""
        end = time.monotonic() + seconds
        while not (found := holds()):
            if time.monotonic() > end:
                logs = "\n".join(f"--- {p.name}\n{p.read_text(errors='replace')[-2000:]}" for p in self.folder.glob("*.log"))
                raise AssertionError(f"no {what} within {seconds} s\n{logs}")
            time.sleep(0.2)
        return found

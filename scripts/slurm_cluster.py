"""A Slurm cluster on this machine, for checks: controller and nodes are processes of a folder, and end with it."""

import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import time

from debian_tools import Absent

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
SchedulerParameters=sched_interval=2,sched_min_interval=100000,batch_sched_delay=0
KillWait=5
SlurmdTimeout=15
MinJobAge=3600
MaxArraySize=101
"""


class Cluster:
    """Slurm on so many nodes of one core each; `environment` is what its clients need."""

    def __init__(self, folder, nodes):
        missing = [p for p in ("munged", "munge", "slurmctld", "slurmd", "sbatch") if not self.find(p)]
        if missing or os.geteuid():
            raise Absent("Slurm needs root" if not missing else f"{', '.join(missing)} is not here (Debian: slurm-wlm, munge)")
        self.folder, self.nodes, self.processes = pathlib.Path(folder), nodes, {}
        for name in ["state", *self.names()]:
            (self.folder / name).mkdir(parents=True)
        ports = [self.free_port() for _ in range(nodes + 1)]
        text = CONFIG.format(host=socket.gethostname().split(".")[0], port=ports[0], folder=self.folder)
        for name, port in zip(self.names(), ports[1:]):
            text += f"NodeName={name} NodeHostname={name} NodeAddr=127.0.0.1 Port={port} CPUs=1 RealMemory=4000 State=UNKNOWN\n"
        text += "PartitionName=batch Nodes=ALL Default=YES MaxTime=1:00:00 State=UP\n"
        (self.folder / "slurm.conf").write_text(text)
        self.environment = os.environ | {"SLURM_CONF": str(self.folder / "slurm.conf")}

    def names(self):
        return [f"node{n}" for n in range(1, self.nodes + 1)]

    @staticmethod
    def find(name):
        return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")

    @staticmethod
    def free_port():
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            return listener.getsockname()[1]

    def spawn(self, name, *command):
        log = open(self.folder / f"{name}.out", "ab")
        self.processes[name] = subprocess.Popen([self.find(command[0]), *command[1:]], stdin=subprocess.DEVNULL, stdout=log,
                                                stderr=log, env=self.environment, start_new_session=True)

    def start_controller(self):
        self.spawn("slurmctld", "slurmctld", "-D")

    def start_node(self, name):
        self.spawn(name, "slurmd", "-D", "-N", name)

    def kill(self, name):
        """Without a chance to write anything down."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def __enter__(self):
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
        return self

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

    def ask(self, *command):
        """What a client prints; None where the controller does not answer."""
        done = subprocess.run(["timeout", "20", *command], env=self.environment, capture_output=True, text=True, check=False)
        return None if done.returncode else done.stdout

    def tasks(self):
        """Tasks that wait or run: number of the array, index, state; None where the controller does not answer."""
        printed = self.ask("squeue", "--me", "-h", "-r", "-o", "%F %K %T %A")
        return None if printed is None else [line.split() for line in printed.splitlines()]

    def until(self, what, holds, seconds):
        end = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > end:
                logs = "\n".join(f"--- {p.name}\n{p.read_text(errors='replace')[-2000:]}" for p in self.folder.glob("*.log"))
                raise AssertionError(f"no {what} within {seconds} s\n{logs}")
            time.sleep(0.2)

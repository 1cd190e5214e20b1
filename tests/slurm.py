"""A real Slurm of one node on loopback: a controller, a node's daemon and munge, nothing else.

As on many small sites there is no accounting: only the controller knows how a job is.
"""

import getpass
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.servers import free_port

PROGRAMS: Final = ("slurmctld", "slurmd", "munged", "sbatch", "squeue", "scancel")
_SECONDS: Final = 60
_CONFIGURATION: Final = """\
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={base}/munge/munge.socket
CredType=cred/munge
StateSaveLocation={base}/state
SlurmdSpoolDir={base}/spool
SlurmctldPidFile={base}/slurmctld.pid
SlurmdPidFile={base}/slurmd.pid
SlurmctldLogFile={base}/log/slurmctld.log
SlurmdLogFile={base}/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
JobRequeue=0
SlurmdTimeout=5
KillWait=1
CompleteWait=0
CommunicationParameters=NoAddrCache
PlugStackConfig={base}/etc/plugstack.conf
Prolog={base}/etc/prolog
NodeName=localhost NodeAddr=127.0.0.1 CPUs=2 RealMemory=500 State=UNKNOWN
PartitionName=debug Nodes=localhost Default=YES MaxTime=INFINITE State=UP
"""


_PROLOG: Final = """\
#!/bin/sh
while [ -e {base}/hold ]; do sleep 0.05; done
"""


@dataclass
class Cluster:
    """A running Slurm. `variables` are what its commands need in the environment."""

    base: Path
    daemons: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, str]:
        return {"SLURM_CONF": str(self.base / "etc/slurm.conf")}

    def ask(self, *argv: str) -> str:
        """Run one of Slurm's commands; return what it prints."""
        done = subprocess.run(
            argv,
            env={**os.environ, **self.variables},
            check=True,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
        return done.stdout

    def jobs(self) -> dict[str, str]:
        """Return the states of all jobs that the controller knows."""
        rows = self.ask("squeue", "--array", "--noheader", "--states=all", "--format=%i %T")
        return dict(row.split() for row in rows.splitlines())

    def wait_for(self, state: str) -> str:
        """Wait until a job is in a state; return the job."""
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end:
            found = [job for job, one in self.jobs().items() if one == state]
            if found:
                return found[0]
            time.sleep(0.1)
        raise TimeoutError(f"no job is {state}: {self.jobs()}")

    def hold(self) -> None:
        """Have jobs that start from now on wait on the node before they do anything."""
        (self.base / "hold").touch()

    def go_on(self) -> None:
        """Let them work."""
        (self.base / "hold").unlink(missing_ok=True)

    def cancel(self, *jobs: str) -> None:
        """Cancel jobs (all of them, if none is named); those that have ended meanwhile are fine."""
        subprocess.run(
            ["scancel", "--quiet", *(jobs or ["--me"])],
            env={**os.environ, **self.variables},
            check=False,
            capture_output=True,
            timeout=_SECONDS,
        )

    def set_node(self, state: str) -> None:
        """Set the state of the node, as an administrator does."""
        self.ask("scontrol", "update", "NodeName=localhost", f"State={state}", "Reason=test")

    def wait_for_node(self) -> None:
        """Wait until the node takes jobs."""
        end = time.monotonic() + _SECONDS
        while "idle" not in self.ask("sinfo", "--noheader", "--format=%T").split():
            if time.monotonic() > end:
                raise TimeoutError("the node does not become idle")
            time.sleep(0.1)

    def start_node(self) -> None:
        """Start the node's daemon, and wait until it takes jobs."""
        conf = str(self.base / "etc/slurm.conf")
        self.start("slurmd", "-D", "-N", "localhost", "-f", conf)
        self.wait_for_node()

    def kill_node(self) -> None:
        """Kill the node: its daemon, and what runs of its jobs, all at once."""
        daemon = self.daemons.pop("slurmd")
        daemon.kill()
        daemon.wait()
        _kill_steps(self.base)

    def start(self, *argv: str) -> None:
        """Start a daemon."""
        with (self.base / "log" / f"{argv[0]}.out").open("ab") as log:
            self.daemons[argv[0]] = subprocess.Popen(
                argv, stdout=log, stderr=log, env={**os.environ, **self.variables}
            )

    def stop(self) -> None:
        """End all that was started, jobs too."""
        for name in ("slurmd", "slurmctld", "munged"):
            if daemon := self.daemons.pop(name, None):
                daemon.terminate()
                try:
                    daemon.wait(10)
                except subprocess.TimeoutExpired:
                    daemon.kill()
                    daemon.wait()
        _kill_steps(self.base)


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Start a Slurm; end it afterwards."""
    base = Path(tempfile.mkdtemp(prefix="rs-slurm-"))
    base.chmod(0o755)
    for name in ("etc", "munge", "state", "spool", "log"):
        (base / name).mkdir(mode=0o755)
    (base / "munge").chmod(0o711)
    (base / "etc/plugstack.conf").touch()
    (base / "etc/slurm.conf").write_text(
        _CONFIGURATION.format(
            base=base,
            user=getpass.getuser(),
            controller_port=free_port(),
            node_port=free_port(),
        )
    )
    prolog = base / "etc/prolog"
    prolog.write_text(_PROLOG.format(base=base))
    prolog.chmod(0o755)
    key = base / "munge/munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    one = Cluster(base)
    try:
        _start(one)
        yield one
    finally:
        one.stop()
        shutil.rmtree(base, ignore_errors=True)


def _start(one: Cluster) -> None:
    munge = one.base / "munge"
    one.start(
        *("munged", "--foreground", "--force", f"--key-file={munge}/munge.key"),
        *(f"--socket={munge}/munge.socket", f"--pid-file={munge}/munged.pid"),
        *(f"--log-file={munge}/munged.log", f"--seed-file={munge}/munge.seed"),
    )
    end = time.monotonic() + _SECONDS
    while not (munge / "munge.socket").exists():
        if time.monotonic() > end:
            raise TimeoutError("munged does not start")
        time.sleep(0.05)
    one.start("slurmctld", "-D", "-i", "-f", str(one.base / "etc/slurm.conf"))
    while True:
        try:
            one.ask("sinfo", "--noheader")
            break
        except subprocess.SubprocessError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
    one.start_node()


def _kill_steps(base: Path) -> None:
    """Kill the jobs that a node's daemon started: they outlive it."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            environ = (entry / "environ").read_bytes()
            step = (entry / "comm").read_text().startswith("slurmstepd")
            if f"{base}/".encode() in environ and (step or b"\0SLURM_JOB_ID=" in environ):
                os.kill(int(entry.name), signal.SIGKILL)
        except (OSError, ValueError):
            continue

//! What a task's script does: it trains the row, and looks after it where the training did not come to its end.

use super::{ELSEWHERE, INTERRUPTED, NO_DATA, NO_DEVICE, NO_STORE, WARNED};

/// A row is requeued unless its task was restarted so often, for whatever reason.
pub const RETRIES: u32 = 10;

/// Seconds between two attempts to requeue, each of which takes ten where nobody answers.
const PAUSES: &str = "5 10 20 40 60";

/// Starts of a training that the kernel kills for want of memory: where the job's own group counts it, of each trial of a
/// block the second one without a checkpoint between proves it, and the next start records it and goes on to the other
/// trial.
const STARTS: &str = "1 2 3 4 5";

/// How srun ends where the training was killed by SIGKILL, and where Slurm has seen the kernel do so for want of memory.
const KILLED: &str = "137 | 253";

/// How srun ends where the program, or a library of it, is not on the node or cannot be run there.
const MISSING: &str = "126 | 127";

/// How srun ends where Slurm fails it, such as a controller that does not answer; by itself it would end as a program does
/// that failed.
const UNANSWERED: u8 = 69;

/// How a training ends that SIGTERM has ended: after its checkpoint, or before it could hear of signals.
const TERMINATED: u8 = 143;

/// A training that SIGUSR2 has ended before it could hear of signals.
const WARNED_EARLY: u8 = 140;

/// So many nodes are tried for what may be wrong on all.
pub const NODES: u32 = 3;

/// When a task begins again whose trial another process trains: that may have died with a node of which nobody knows yet.
const LATER: &str = "now+10minutes";

/// The functions that have a task started again, unless it was so often or as often as their argument says: `requeue`,
/// `elsewhere`, on another node, and `later`, after some time.
pub fn requeueing() -> String {
    format!(
        r#"requeue() {{
  local task="${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}" wait
  [ "${{SLURM_RESTART_COUNT:-0}}" -lt "${{1:-{RETRIES}}}" ] || return 1
  # The controller may be away for a while.
  for wait in {PAUSES}; do
    scontrol requeue "$task" && return 0
    sleep "$wait"
  done
  return 1
}}
elsewhere() {{
  local task="${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}" without nodes
  set +e
  # A requeued task is ended; not before its node is excluded.
  trap '' TERM
  without="$(squeue -h -j "$task" -o %x)"
  without="${{without:+$without,}}$SLURMD_NODENAME"
  # Those with GPUs of the same kinds. Without another one it would wait for ever.
  nodes="$(sinfo -h -N -p "$SLURM_JOB_PARTITION" -o '%N %G' | awk -v own="$SLURMD_NODENAME" \
    '{{ gsub(/\([^)]*\)/, "", $2); n = split($2, all, ","); of[$1] = ""
       for (i = 1; i <= n; i++) if (all[i] ~ /^gpu/) {{ sub(/:[0-9]+$/, "", all[i]); of[$1] = of[$1] all[i] " " }} }}
     END {{ for (node in of) if (of[node] == of[own]) print node }}')"
  if [ -z "$nodes" ] || grep -qvxF "$(scontrol show hostnames "$without")" <<< "$nodes"; then
    requeue "$@" && scontrol update JobId="$task" ExcNodeList="$without"
  fi
}}
later() {{
  trap '' TERM
  requeue && scontrol update JobId="${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}" StartTime={LATER}
}}
"#
    )
}

/// The lines that train, by `command`; `cleanup`: lines for when that has ended.
pub fn training(command: &str, cleanup: &str) -> String {
    format!(
        r#"# How many processes the kernel has killed for want of memory: in this job, or on the node where it counts no jobs. The latter is
# reason enough to try again, and proves nothing.
counters="$(sed -n 's|^0::\(.*/job_[0-9]*\)/.*|/sys/fs/cgroup\1/memory.events|p' /proc/self/cgroup)"
[ -r "$counters" ] || counters=/proc/vmstat
killed() {{ sed -n 's/^oom_kill //p' "$counters"; }}
export SLURM_EXIT_ERROR={UNANSWERED}
for start in {STARTS}; do
  before="$(killed)"
  srun --ntasks=1 --unbuffered {command}
  code=$?
  # A training that is killed so again and again gives up by itself, where it is started again.
  case "$code" in
    {KILLED}) [ "$(killed)" != "$before" ] || break ;;
    *) break ;;
  esac
  echo "killed on $SLURMD_NODENAME, where memory ran out (start $start)" >&2
done
{cleanup}case "$code" in
  # Warned of the end of its time, kept from a trial by somebody who looks at its lock, or preempted with a time of grace: it
  # goes on from its checkpoint. Or Slurm did not start it. One that is cancelled ends with this script.
  {WARNED} | {WARNED_EARLY} | {INTERRUPTED} | {TERMINATED} | {UNANSWERED}) requeue ;;
  # This node cannot train it, and others may: its device is gone.
  {NO_DEVICE}) elsewhere ;;
  # Or the data are, or the store, or the program is not there or does not run; that may be so everywhere.
  {NO_DATA} | {NO_STORE} | {MISSING}) elsewhere {NODES} ;;
  {ELSEWHERE}) later ;;
esac
exit "$code"
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// A node whose programs are shell scripts.
    struct Node {
        folder: tempfile::TempDir,
    }

    impl Node {
        /// The training ends with these codes in turn, and the kernel kills for want of memory each time that one is
        /// `killed`.
        fn new(codes: &[u8], killed: u8) -> Self {
            let node = Self { folder: tempfile::tempdir().unwrap() };
            let codes = codes.iter().map(u8::to_string).collect::<Vec<_>>().join(" ");
            node.program(
                "srun",
                &format!(
                    "echo x >> starts; set -- {codes}; shift $(($(wc -l < starts) - 1)); \
                     [ $1 != {killed} ] || echo x >> kills; exit $1"
                ),
            );
            node.program("sed", "cat kills 2>/dev/null");
            // The controller answers at the third time.
            node.program(
                "scontrol",
                "case $* in *hostnames*) echo \"$3\" | tr , '\\n'; exit;; esac; echo \"$@\" >> calls; \
                 case $* in update*) ;; *) [ $(grep -c requeue calls) -gt 2 ];; esac",
            );
            node.program("sleep", "echo sleep \"$@\" >> calls");
            node.program("squeue", "cat without 2>/dev/null");
            node.program("sinfo", "printf 'alpha\\nbeta\\n'");
            node
        }

        fn program(&self, name: &str, text: &str) {
            let path = self.path(name);
            std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        }

        fn path(&self, name: &str) -> std::path::PathBuf {
            self.folder.path().join(name)
        }

        fn said(&self, name: &str) -> String {
            std::fs::read_to_string(self.path(name)).unwrap_or_default()
        }

        /// The exit code of the script of a task that was restarted so often, and what it called.
        fn run(&self, restarts: &str) -> (Option<i32>, String) {
            self.run_after("", restarts)
        }

        /// The same with lines of a profile before the training.
        fn run_after(&self, setup: &str, restarts: &str) -> (Option<i32>, String) {
            let paths = format!("{}:{}", self.folder.path().display(), std::env::var("PATH").unwrap());
            let mut bash = std::process::Command::new("bash");
            let script = requeueing() + &super::super::script::guarded(setup) + &training("nd", "");
            bash.args(["-c", &script]).current_dir(&self.folder).env("PATH", paths);
            bash.envs([("SLURM_RESTART_COUNT", restarts), ("SLURM_ARRAY_JOB_ID", "31"), ("SLURM_ARRAY_TASK_ID", "3")]);
            let code = bash.env("SLURMD_NODENAME", "alpha").status().unwrap().code();
            (code, self.said("calls"))
        }
    }

    fn called(code: u8, restarts: &str) -> String {
        let (ended, calls) = Node::new(&[code], 0).run(restarts);
        assert_eq!(ended, Some(code.into()));
        calls
    }

    #[test]
    fn a_warned_or_preempted_task_is_requeued_though_the_controller_is_away_for_a_while() {
        for code in [WARNED, WARNED_EARLY, INTERRUPTED, TERMINATED, UNANSWERED] {
            assert_eq!(called(code, "9"), "requeue 31_3\nsleep 5\nrequeue 31_3\nsleep 10\nrequeue 31_3\n", "{code}");
            assert_eq!(called(code, "10"), "", "{code}");
        }
        assert_eq!([0, 1, 3, 137].map(|code| called(code, "0")), [""; 4]);
        // A failure of Slurm is told from one of the training.
        let node = Node::new(&[0], 0);
        node.program("srun", "exit ${SLURM_EXIT_ERROR:-1}");
        assert_eq!(node.run("0").0, Some(UNANSWERED.into()));
    }

    #[test]
    fn a_task_goes_to_another_node_where_its_own_cannot_train_it() {
        for (code, last) in [(NO_DEVICE, "9"), (NO_DATA, "2"), (NO_STORE, "2"), (126, "2"), (127, "2")] {
            let calls = called(code, last);
            assert!(calls.ends_with("requeue 31_3\nupdate JobId=31_3 ExcNodeList=alpha\n"), "{calls}");
        }
        assert_eq!([called(NO_DEVICE, "10"), called(NO_DATA, "3"), called(127, "3")], [""; 3]);
        let last = Node::new(&[NO_DEVICE], 0);
        std::fs::write(last.path("without"), "beta\n").unwrap();
        assert_eq!(last.run("0"), (Some(NO_DEVICE.into()), String::new()));
        let one_of_three = Node::new(&[NO_DEVICE], 0);
        std::fs::write(one_of_three.path("without"), "gamma\n").unwrap();
        assert!(one_of_three.run("0").1.ends_with("ExcNodeList=gamma,alpha\n"));
        let beside = |gpus: &str| {
            let node = Node::new(&[NO_DEVICE], 0);
            node.program("sinfo", &format!("printf 'alpha gpu:h200:1(S:0)\\nbeta {gpus}\\n'"));
            node.run("0").1
        };
        assert_eq!(beside("gpu:a100:1(S:0)"), "", "none is left with such GPUs");
        for like in ["gpu:h200:1(S:1)", "lscratch:9,gpu:h200:4(S:0-1)"] {
            assert!(beside(like).ends_with("ExcNodeList=alpha\n"), "{like}");
        }
        let silent = Node::new(&[NO_DEVICE], 0);
        silent.program("sinfo", "exit 1");
        assert!(silent.run("0").1.ends_with("ExcNodeList=alpha\n"), "the controller is away");
    }

    #[test]
    fn a_task_whose_trial_another_process_trains_begins_again_later() {
        let calls = called(ELSEWHERE, "9");
        assert!(calls.ends_with("requeue 31_3\nupdate JobId=31_3 StartTime=now+10minutes\n"), "{calls}");
        assert_eq!(called(ELSEWHERE, "10"), "");
    }

    #[test]
    fn a_task_goes_to_another_node_where_a_line_of_its_setup_fails() {
        let run = |setup: &str, code: u8, restarts: &str| {
            let node = Node::new(&[code], 0);
            let (ended, calls) = node.run_after(&format!("set -e\n{setup}\nset +e\n"), restarts);
            (ended, calls.ends_with("ExcNodeList=alpha\n"), node.said("starts").lines().count())
        };
        assert_eq!(run("(exit 3)", 0, "0"), (Some(3), true, 0));
        assert_eq!(run("module() { false; }; module load cuda", 0, "2"), (Some(1), true, 0));
        assert_eq!(run("export X=\"$(false)\"", 0, "0"), (Some(0), false, 1), "nothing that ends it");
        assert_eq!(run("(exit 255)", 0, "0"), (Some(255), true, 0), "as ssh ends");
        assert_eq!(run("false", 0, "3"), (Some(1), false, 0), "it may fail everywhere");
        assert_eq!(run("sh -c 'kill -TERM $$'", 0, "0"), (Some(143), false, 0), "somebody has ended it");
        assert_eq!(run("sh -c 'kill -TERM $PPID; sleep 1'", 0, "0"), (None, false, 0));
        assert_eq!(run("false || true; task=7", 1, "0"), (Some(1), false, 1), "what comes later is no setup");
        let node = Node::new(&[0], 0);
        node.run_after("set -e\ntrap 'echo mine >> calls' EXIT\nset +e\n", "0");
        assert_eq!(node.said("calls"), "mine\n", "traps of the profile stay");
    }

    #[test]
    fn a_training_that_the_kernel_kills_for_want_of_memory_is_started_again_a_few_times() {
        let starts = |codes: &[u8], killed: u8| {
            let node = Node::new(codes, killed);
            let (code, calls) = node.run("0");
            assert_eq!(calls, "");
            (code, node.said("starts").lines().count())
        };
        assert_eq!(starts(&[137, 137, 0], 137), (Some(0), 3), "the third start records it");
        assert_eq!(starts(&[253, 0], 253), (Some(0), 2));
        assert_eq!(starts(&[137; 6], 137), (Some(137), 5));
        assert_eq!(starts(&[137, 0], 0), (Some(137), 1), "something else killed it");
        assert_eq!(starts(&[1, 0], 1), (Some(1), 1), "something else was killed");
    }

    /// What the script's lines about the kernel count, with `/proc/self/cgroup` and `/sys` in `folder`.
    fn killed(folder: &Path) -> Option<u64> {
        let script = training("nd", "");
        let (begin, end) = (script.find("counters=").unwrap(), script.find("for start").unwrap());
        let place = |path: &str| format!("{}/{path}", folder.display());
        let lines = script[begin..end].replace("/proc/self/cgroup", &place("cgroup")).replace("/sys", &place("sys"));
        let done = std::process::Command::new("bash").args(["-c", &format!("{lines}killed")]).output().unwrap();
        String::from_utf8(done.stdout).unwrap().trim().parse().ok()
    }

    #[test]
    fn the_kernel_says_how_many_it_has_killed_of_the_job_or_else_of_the_machine() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let is_counted = Path::new("/proc/vmstat").exists();
        assert_eq!(killed(folder.path()).is_some(), is_counted);
        write("cgroup", "1:name=systemd:/x\n0::/a.slice/slurmstepd.scope/job_31/step_batch/user/task_special\n");
        assert_eq!(killed(folder.path()).is_some(), is_counted, "nobody counts the job's memory");
        write("sys/fs/cgroup/a.slice/slurmstepd.scope/job_31/memory.events", "oom 3\noom_kill 777\n");
        assert_eq!(killed(folder.path()), Some(777));
    }
}

//! Who trains which trial: what the locks say, and what Slurm says of their holders.

use crate::plan::TrialId;
use crate::record::{Holder, Store, user};
use crate::submit::{Queue, Task, cluster_name};
use std::cell::LazyCell;

/// Who holds the locks of `trials`, in their order, or died holding them. `queue`: what Slurm has in hand; absent where
/// nobody knows.
pub fn trainers(store: &Store, trials: &[TrialId], queue: Option<&Queue>) -> Vec<Option<Holder>> {
    let mut holders = store.holders(trials);
    if let Some(queue) = queue {
        // It is asked where that decides something, which is rare.
        let cluster = LazyCell::new(|| cluster_name().ok().flatten());
        let is_gone = |holder: &Holder| {
            holder.user == Some(user())
                && holder.job.as_ref().is_some_and(|job| {
                    !queue.jobs.contains(&job.name()) && cluster.as_ref().is_some_and(|name| *name == job.cluster)
                })
        };
        let tasks: Vec<Option<&Task>> = trials.iter().map(|id| queue.tasks.get(id)).collect();
        settle(&mut holders, &tasks, is_gone);
    }
    holders
}

/// Corrects what the locks say of their holders. `tasks`: what Slurm has of the same trials; `is_gone`: the holder's job
/// has left Slurm's hands.
///
/// A lock outlives a node that dies where its server is not told (NFS before version 4), and is free for others where
/// each node has locks of its own.
fn settle(holders: &mut [Option<Holder>], tasks: &[Option<&Task>], is_gone: impl Fn(&Holder) -> bool) {
    for holder in holders.iter_mut().flatten().filter(|holder| holder.lives == Some(true)) {
        if is_gone(holder) {
            (holder.lives, holder.deaths) = (Some(false), holder.toll);
        }
    }
    let is_at_work = |(holder, task): (&Option<Holder>, &Option<&Task>)| {
        let (holder, task) = (holder.as_ref()?, (*task)?);
        (holder.lives == Some(true) && runs(task, holder)).then(|| task.id.clone())
    };
    let at_work: Vec<String> = holders.iter().zip(tasks).filter_map(is_at_work).collect();
    for (place, task) in holders.iter_mut().zip(tasks) {
        let (Some(holder), Some(task)) = (place.as_mut(), task) else { continue };
        if holder.lives == Some(true) || !runs(task, holder) {
            continue;
        }
        if !at_work.contains(&task.id) {
            holder.lives = Some(true);
        } else if holder.lives == Some(false) {
            // It trains the block's other trial now, and this one waits for it.
            *place = None;
        }
    }
}

/// Whether Slurm runs the task where the holder is.
fn runs(task: &Task, holder: &Holder) -> bool {
    let host = holder.by.rsplit_once(" on ").map_or("", |(_, host)| host);
    task.runs() && short(host) == short(&task.node)
}

/// A host's name without its domain: Slurm's and the host's own may have it or not.
fn short(name: &str) -> &str {
    name.split('.').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(lives: Option<bool>) -> Option<Holder> {
        Some(Holder { by: "process 7 on far.example.org".into(), lives, toll: 2, ..Holder::default() })
    }

    fn task(node: &str) -> Task {
        Task { id: "3_1".into(), node: node.into(), ..Task::default() }
    }

    /// What becomes of the holders of the two trials of a block whose task is on `node`.
    fn settled(holders: [Option<Holder>; 2], node: &str) -> [Option<Holder>; 2] {
        let (mut holders, task) = (holders, task(node));
        settle(&mut holders, &[Some(&task), Some(&task)], |_| false);
        holders
    }

    #[test]
    fn a_trainer_lives_where_it_has_its_lock_or_its_task_runs() {
        for lives in [None, Some(false), Some(true)] {
            assert_eq!(settled([holder(lives), None], "far"), [holder(Some(true)), None], "{lives:?}");
            for elsewhere in ["", "farther"] {
                assert_eq!(settled([holder(lives), None], elsewhere), [holder(lives), None], "{lives:?}");
            }
        }
    }

    #[test]
    fn a_trial_whose_task_trains_the_blocks_other_one_waits() {
        for both in [[holder(Some(true)), holder(Some(false))], [holder(Some(false)), holder(Some(true))]] {
            let [one, two] = settled(both, "far");
            assert_eq!(one.or(two), holder(Some(true)));
        }
        let both = [holder(Some(true)), holder(Some(false))];
        assert_eq!(settled(both.clone(), "farther"), both, "who trains the one is not of the task");
        let [waits, _] = settled([holder(Some(false)), holder(Some(true))], "far");
        assert_eq!(waits, None);
    }

    #[test]
    fn a_lock_whose_job_has_left_slurms_hands_is_of_a_dead_one() {
        let mut holders = [holder(Some(true)), holder(None), None];
        settle(&mut holders, &[None; 3], |_| true);
        let [dead, unknown, none] = holders;
        assert_eq!(dead, holder(Some(false)).map(|dead| Holder { deaths: 2, ..dead }));
        assert_eq!((unknown, none), (holder(None), None));
    }
}

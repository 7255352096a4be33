//! What a store still lacks of a scenario, for those that hand it out.

use super::args::SubmitArgs;
use super::exit::Failure;
use super::repetitions::repetitions;
use super::selection::Selected;
use super::stored;
use crate::plan::{Frozen, TrialId, estimate, rows};
use std::collections::BTreeSet;
use std::path::Path;

/// The trials that are done, and the plan of those that are neither done nor in hand.
pub(super) struct Missing {
    pub(super) done: BTreeSet<TrialId>,
    pub(super) frozen: Frozen,
}

impl Missing {
    /// Of `selected`, by the records in `store`; in blocks, by the time that each is estimated to take.
    ///
    /// # Errors
    /// A store that cannot be read; a scenario or profile that cannot be frozen.
    pub(super) fn of(
        args: &SubmitArgs,
        selected: &Selected,
        store: &Path,
        in_hand: impl Fn(&TrialId) -> bool,
    ) -> Result<Self, Failure> {
        let records = stored::records(store)?;
        let done: BTreeSet<TrialId> =
            stored::done(&records, args.retry.as_slice().into()).into_keys().cloned().collect();
        let known = repetitions(&records, &stored::probes_of_whole_steps(store)?, &selected.profile, None);
        let mut frozen = args.selection.freeze(store)?;
        frozen.rows = rows(
            &selected.trials,
            |id| !done.contains(id) && !in_hand(id),
            |trial| estimate(&trial.trial, &selected.profile, &known).seconds,
        );
        Ok(Self { done, frozen })
    }

    /// How many trials are missing.
    pub(super) fn count(&self) -> usize {
        self.frozen.rows.iter().map(|row| row.trials.len()).sum()
    }
}

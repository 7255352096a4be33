//! What each statement of the study is about.

use super::items::{Aggregate, Item, Pair, both_norms, labels, pairs, squared_deviation, time_ratio};
use crate::published::{ClaimKey, Figures, Published};
use crate::scenario::Dataset;

/// A statement as items and how they are summed up.
pub(super) struct Statement {
    pub aggregate: Aggregate,
    pub items: Vec<Item>,
    /// Other readings, each with its name and its items.
    pub readings: Vec<(&'static str, Vec<Item>)>,
}

/// A data set that a statement is confined to.
#[derive(Clone, Copy, PartialEq)]
enum Only {
    Cifar10,
    Cifar100,
    Imagenet,
}

/// The statement of a key; `None` for a rule.
pub(super) fn statement(published: &Published, key: ClaimKey) -> Option<Statement> {
    use ClaimKey as K;
    Some(match key {
        K::Attempts => plain(Aggregate::Count, attempts(published)),
        K::Cells => {
            let cells = published.cells().iter().filter(|(_, f)| f.original_percent.is_some());
            plain(Aggregate::Count, cells.map(|(cell, _)| Item { labels: labels(cell), value: 1.0 }).collect())
        }
        K::Values => values(published, None),
        K::ValuesCifar10 => values(published, Some(Only::Cifar10)),
        K::ValuesCifar100 => values(published, Some(Only::Cifar100)),
        K::ValuesImagenet => values(published, Some(Only::Imagenet)),
        K::Better => better(published, None),
        K::BetterCifar10 => better(published, Some(Only::Cifar10)),
        K::BetterCifar100 => better(published, Some(Only::Cifar100)),
        K::BetterImagenet => better(published, Some(Only::Imagenet)),
        K::Within => within(published)?,
        K::DeviationMinCifar10 => deviation(published, Aggregate::Smallest, &Dataset::Cifar10),
        K::DeviationMaxCifar10 => deviation(published, Aggregate::Largest, &Dataset::Cifar10),
        K::DeviationMinCifar100 => deviation(published, Aggregate::Smallest, &Dataset::Cifar100),
        K::DeviationMaxCifar100 => deviation(published, Aggregate::Largest, &Dataset::Cifar100),
        K::Consistent => {
            let limit = published.stated(K::RuleDeviation)?;
            plain(Aggregate::Percent, deviations(published, 0, None, |d| one(d < limit)))
        }
        K::NdBetter => plain(Aggregate::Percent, compared(published, |f| Some(f.accuracy()?.mean))),
        K::NdSlower => plain(Aggregate::Percent, compared(published, |f| Some(f.seconds()?.mean))),
        K::OverheadMin => plain(Aggregate::Smallest, overheads(published)),
        K::OverheadMax => plain(Aggregate::Largest, overheads(published)),
        K::RuleLower | K::RuleDeviation => return None,
    })
}

fn plain(aggregate: Aggregate, items: Vec<Item>) -> Statement {
    Statement { aggregate, items, readings: Vec::new() }
}

fn one(yes: bool) -> f64 {
    if yes { 1.0 } else { 0.0 }
}

fn attempts(published: &Published) -> Vec<Item> {
    let each = |(cell, f): (_, &Figures)| vec![Item { labels: labels(cell), value: 1.0 }; f.attempts.len()];
    published.cells().iter().flat_map(each).collect()
}

/// Values of a data set, each an item of what `of` makes of it.
fn counted(published: &Published, only: Option<Only>, of: impl Fn(&Pair) -> bool) -> Vec<Item> {
    let wanted = |p: &Pair| match only {
        None => true,
        Some(Only::Imagenet) => p.dataset.is_none(),
        Some(Only::Cifar10) => p.dataset == Some(Dataset::Cifar10),
        Some(Only::Cifar100) => p.dataset == Some(Dataset::Cifar100),
    };
    let pairs = pairs(published).into_iter().filter(wanted);
    pairs.map(|p| Item { value: one(of(&p)), labels: p.labels }).collect()
}

fn values(published: &Published, only: Option<Only>) -> Statement {
    plain(Aggregate::Count, counted(published, only, |_| true))
}

fn better(published: &Published, only: Option<Only>) -> Statement {
    plain(Aggregate::Count, counted(published, only, Pair::is_green))
}

fn within(published: &Published) -> Option<Statement> {
    let limit = published.stated(ClaimKey::RuleLower)?;
    let items = |red: fn(&Pair, f64) -> bool| counted(published, None, move |p| !red(p, limit));
    let readings = vec![("percentage points in place of a relative error", items(Pair::is_red_by_points))];
    Some(Statement { aggregate: Aggregate::Count, items: items(Pair::is_red), readings })
}

fn deviation(published: &Published, aggregate: Aggregate, dataset: &Dataset) -> Statement {
    let items = |lost| deviations(published, lost, Some(dataset), |d| d);
    let readings = vec![("a sum of squares divided by the number of attempts less one", items(1))];
    Statement { aggregate, items: items(0), readings }
}

fn deviations(published: &Published, lost: usize, only: Option<&Dataset>, of: impl Fn(f64) -> f64) -> Vec<Item> {
    let cells = published.cells().iter().filter(|(cell, _)| only.is_none_or(|d| cell.dataset == *d));
    cells.filter_map(|(cell, f)| Some(Item { labels: labels(cell), value: of(squared_deviation(f, lost)?) })).collect()
}

/// Whether ND's value is above BN's, for every pair.
fn compared(published: &Published, of: impl Fn(&Figures) -> Option<f64>) -> Vec<Item> {
    let item = |(cell, bn, nd)| Some(Item { labels: pair_labels(cell), value: one(of(nd)? > of(bn)?) });
    both_norms(published).filter_map(item).collect()
}

/// Percent by which ND trains longer, for every pair.
fn overheads(published: &Published) -> Vec<Item> {
    let item = |(cell, bn, nd)| Some(Item { labels: pair_labels(cell), value: 100.0 * (time_ratio(bn, nd)? - 1.0) });
    both_norms(published).filter_map(item).collect()
}

/// The labels of a cell without its norm.
fn pair_labels(cell: &crate::published::Cell) -> Vec<String> {
    let mut labels = labels(cell);
    labels.remove(2);
    labels
}

//! What whitening layers have of their own, beside the settings of the scenario.

use super::deconvolution::Whitening;
use crate::scenario::{Deconvolution, Freeze};

/// Settings that a network gives one of its convolutions; the scenario's own words go before them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Own {
    first: bool,
    freeze: bool,
    n_iter: Option<i64>,
    block: Option<i64>,
}

impl Own {
    /// Nothing: a layer like most.
    pub const NOTHING: Self = Self { first: false, freeze: false, n_iter: None, block: None };

    /// The first layer of a network that gives it nothing else.
    pub const FIRST: Self = Self { first: true, ..Self::NOTHING };

    /// The first layer of most networks: `n_iter` iterations, statistics that freeze.
    pub fn frozen_first(n_iter: i64) -> Self {
        Self { freeze: true, ..Self::FIRST }.iterations(n_iter)
    }

    /// The same with this many Newton-Schulz iterations.
    pub fn iterations(self, n_iter: i64) -> Self {
        Self { n_iter: Some(n_iter), ..self }
    }

    /// The same with so many channels whitened together.
    pub fn block(self, block: i64) -> Self {
        Self { block: Some(block), ..self }
    }

    /// How the layer whitens under the settings of a scenario.
    pub fn whitening(self, settings: &Deconvolution) -> Whitening {
        let own = if settings.uniform { Self { first: self.first, ..Self::NOTHING } } else { self };
        let asked = settings.first_n_iter.filter(|_| own.first);
        Whitening {
            block: own.block.unwrap_or(settings.block),
            n_iter: asked.or(own.n_iter).unwrap_or(settings.n_iter),
            freeze: match settings.freeze {
                None => own.freeze,
                Some(Freeze::None) => false,
                Some(Freeze::First) => own.first,
                Some(Freeze::All) => true,
            },
            ..Whitening::new(settings)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Block, iterations, freezing, steps before it.
    fn of(own: Own, settings: Deconvolution) -> (i64, i64, bool, i64) {
        let Whitening { block, n_iter, freeze, freeze_iter, .. } = own.whitening(&settings);
        (block, n_iter, freeze, freeze_iter)
    }

    #[test]
    fn networks_have_their_own_settings_unless_the_scenario_says_otherwise() {
        let study = Deconvolution::default();
        let (first, inner) = (Own::frozen_first(15), Own::NOTHING.iterations(1).block(24));
        let all = |settings| [first, inner, Own::NOTHING].map(|own| of(own, settings));
        assert_eq!(all(study), [(64, 15, true, 100), (24, 1, false, 100), (64, 5, false, 100)]);

        let asked = Deconvolution { first_n_iter: Some(7), freeze: Some(Freeze::None), ..study };
        assert_eq!(all(asked), [(64, 7, false, 100), (24, 1, false, 100), (64, 5, false, 100)]);
        let later = Deconvolution { freeze: Some(Freeze::All), freeze_iter: Some(9), n_iter: 6, ..study };
        assert_eq!(all(later), [(64, 15, true, 9), (24, 1, true, 9), (64, 6, true, 9)]);
        let uniform = Deconvolution { uniform: true, ..study };
        assert_eq!(all(uniform), [(64, 5, false, 100); 3]);
        let all_but_first = Deconvolution { first_n_iter: Some(7), freeze: Some(Freeze::First), ..uniform };
        assert_eq!(all(all_but_first), [(64, 7, true, 100), (64, 5, false, 100), (64, 5, false, 100)]);
        assert_eq!(of(Own::FIRST, asked), (64, 7, false, 100), "a first layer like most");
    }
}

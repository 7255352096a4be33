//! The sizes that estimates use without libtorch are those of the networks.

use ndbench::nn::networks::facts;
use ndbench::nn::{LayerTrace, Method};
use ndbench::plan::Cost;
use ndbench::scenario::Architecture;

#[test]
fn costs_are_those_of_the_networks() {
    for architecture in Architecture::ALL {
        let facts = facts(architecture, Method::Bn, 10);
        let values = |l: &LayerTrace| l.output.iter().product::<i64>() as u64;
        let activations = facts.layers.iter().filter(|l| l.kind == "Conv2d").map(values).sum();
        let want = Cost { macs: facts.macs, parameters: facts.parameters, activations };
        assert_eq!(Cost::of(architecture), want, "{architecture}");
    }
}

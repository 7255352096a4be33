//! What the remarks on comparability say of a network is true of the network that is built here.

use ndbench::nn::Method;
use ndbench::nn::networks::facts;
use ndbench::published::Published;
use ndbench::scenario::{Deconvolution, Norm};

#[test]
fn remarks_count_what_the_networks_have() {
    let published = Published::embedded().expect("the tables that the program carries");
    let mut numbers = 0;
    for remark in published.remarks() {
        let stated = [remark.deconvolutions.is_some(), remark.batch_norms.is_some(), remark.stem_side.is_some()];
        numbers += stated.iter().filter(|s| **s).count();
        let Some(architecture) = remark.architecture else {
            assert_eq!(stated, [false; 3], "{}: numbers of no network", remark.key);
            continue;
        };
        let norms = remark.norm.map_or(Norm::ALL.to_vec(), |norm| vec![norm]);
        for norm in norms {
            let facts = facts(architecture, Method::new(norm, Deconvolution::default()), 10);
            let of = |kind: &str| facts.layers.iter().filter(|l| l.kind == kind).count();
            let stem = facts.layers.first().map(|l| l.output[2]);
            if let Some(deconvolutions) = remark.deconvolutions {
                assert_eq!(of("FastDeconv"), deconvolutions, "{}: deconvolutions", remark.key);
            }
            if let Some(batch_norms) = remark.batch_norms {
                assert_eq!(of("BatchNorm2d"), batch_norms, "{}: batch normalisations", remark.key);
            }
            if let Some(side) = remark.stem_side {
                assert_eq!(stem, Some(side), "{}: side after the first convolution", remark.key);
            }
        }
    }
    assert_eq!(numbers, 5, "numbers stated");
}

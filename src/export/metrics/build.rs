//! The program itself.

use super::exposition::Source;
use super::families::Families;
use crate::telemetry::COMMIT;

/// `ndbench_build_info`: the version and the commit of this program.
#[derive(Debug)]
pub struct BuildInfo;

impl Source for BuildInfo {
    fn collect(&self, families: &mut Families) {
        let labels = [("version", env!("CARGO_PKG_VERSION")), ("commit", COMMIT)];
        families.gauge("ndbench_build_info", "The program that answers", &labels, 1.0);
    }
}

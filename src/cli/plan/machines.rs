//! The devices that are planned for.

use super::context::Context;
use super::seen::Seen;
use crate::cli::args::PlanArgs;
use crate::cli::exit::Failure;
use crate::profile::{Amount, BUILT_IN, Device, Profile};
use crate::units::Bytes;

/// A slice has so much less than its name says, assumed: what it holds back differs from GPU to GPU, and
/// `nvidia-smi mig -lgip` knows it.
const HELD_BACK: f64 = 0.12;

/// A device to plan for.
pub(super) struct Machine {
    pub name: String,
    pub profile: Profile,
    /// Nothing is known of it but its memory.
    pub memory_only: bool,
    /// The name of a slice of a GPU, `1g.10gb`.
    pub slice: Option<String>,
    /// What was measured of its memory; the profile has it.
    pub context: Option<Context>,
}

impl Machine {
    pub fn of(name: &str, profile: Profile) -> Self {
        Self { name: name.into(), profile, memory_only: false, slice: None, context: None }
    }

    /// The same with what records of such a device tell of its memory.
    pub fn measured(mut self, seen: &Seen) -> Self {
        self.context = Context::of(seen, &self.profile).filter(|_| !self.memory_only);
        if let Some(Context { beside, memory, .. }) = self.context {
            self.profile = self.profile.with_context(memory, beside);
        }
        self
    }

    /// A device of so much memory, of which nothing else is known.
    fn unknown(name: &str, memory: Bytes, slice: Option<String>) -> Result<Self, Failure> {
        let profile = load("a100-80gb")?.with_memory(memory);
        Ok(Self { name: name.into(), profile, memory_only: true, slice, context: None })
    }
}

fn load(name: &str) -> Result<Profile, Failure> {
    Profile::load(name).map_err(|e| Failure::Input(Box::new(e)))
}

/// The devices that were asked for.
pub(super) fn machines(args: &PlanArgs) -> Result<Vec<Machine>, Failure> {
    if let Some(name) = &args.selection.profile {
        return Ok(vec![Machine::of(name, load(name)?)]);
    }
    if args.gpu.is_empty() {
        let built_in = BUILT_IN.iter().map(|(name, _)| Ok(Machine::of(name, load(name)?)));
        let all: Vec<Machine> = built_in.collect::<Result<_, Failure>>()?;
        return Ok(all.into_iter().filter(|machine| machine.profile.device() == Device::Cuda).collect());
    }
    args.gpu.iter().map(|name| machine(name)).collect()
}

fn machine(name: &str) -> Result<Machine, Failure> {
    if let Some(slice) = name.strip_prefix("mig:") {
        let memory = slice_memory(slice).ok_or_else(|| {
            let text = format!("`{name}` names no slice of a GPU; write one such as `mig:1g.10gb`");
            Failure::Input(text.into())
        })?;
        return Machine::unknown(name, memory, Some(slice.into()));
    }
    match name.parse::<Amount>() {
        Ok(Amount(memory)) => Machine::unknown(name, memory, None),
        Err(_) => Ok(Machine::of(name, load(name)?)),
    }
}

/// What a slice holds that is called `1g.10gb`: so many of a GPU's parts, and so much memory.
fn slice_memory(slice: &str) -> Option<Bytes> {
    let (parts, memory) = slice.split_once("g.")?;
    let nominal: u64 = memory.strip_suffix("gb")?.parse().ok()?;
    let is_part = (1..=7).contains(&parts.parse::<u32>().ok()?);
    (is_part && (1..=1024).contains(&nominal)).then_some(Bytes(((nominal << 30) as f64 * (1.0 - HELD_BACK)) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_has_less_than_its_name_says() {
        let memory = |name| slice_memory(name).map(|bytes| bytes.to_string());
        assert_eq!(memory("1g.10gb").as_deref(), Some("8.8 GiB"));
        assert_eq!(memory("7g.141gb").as_deref(), Some("124.1 GiB"));
        for bad in ["", "1g", "8g.10gb", "0g.5gb", "1g.gb", "1g.-1gb", "1g.10", "g.10gb", "1g.99999999999gb"] {
            assert_eq!(slice_memory(bad), None, "{bad}");
        }
    }
}

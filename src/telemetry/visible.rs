//! Which device of the machine a program means by a number: `CUDA_VISIBLE_DEVICES` and `CUDA_DEVICE_ORDER` decide.

/// A device to watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GpuTarget {
    /// By its identifier, `GPU-…` or `MIG-…`.
    Uuid(String),
    /// By its number among the visible ones.
    Visible(usize),
}

use super::snapshot::Code;
use super::source::CallError;

/// The value of `CUDA_DEVICE_ORDER` by which CUDA counts as the driver does.
const BY_BUS: &str = "PCI_BUS_ID";

/// Why a number names no device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unresolved {
    /// No device has that number.
    Invisible(CallError),
    /// Nobody but CUDA can tell which device has it.
    Ambiguous(CallError),
    /// The device of this number does not answer.
    Silent(usize, CallError),
}

impl From<Unresolved> for CallError {
    fn from(unresolved: Unresolved) -> Self {
        let (Unresolved::Invisible(error) | Unresolved::Ambiguous(error) | Unresolved::Silent(_, error)) = unresolved;
        error
    }
}

/// A device that the driver lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    /// `GPU-…`.
    pub uuid: String,
    /// Model.
    pub name: String,
    /// The slices that it is divided into, `MIG-…`.
    pub slices: Vec<String>,
}

/// The identifier of visible device `index`, as CUDA counts, among `devices` in the order of the PCI bus: one that does not
/// answer keeps its place.
///
/// # Errors
/// Why not, and what to do.
pub(super) fn resolve(
    index: usize,
    visible: Option<&str>,
    order: Option<&str>,
    devices: &[Result<Listed, CallError>],
) -> Result<String, Unresolved> {
    let not_found = |why: String| CallError { code: Code::GpuNotFound, why };
    let none = || {
        let count = devices.len();
        let variable = visible.map_or("not set".into(), |list| format!("'{list}'"));
        Unresolved::Invisible(not_found(format!(
            "no visible device {index}: the driver lists {count}, CUDA_VISIBLE_DEVICES is {variable}"
        )))
    };
    let answering: Vec<&Listed> = devices.iter().flatten().collect();
    let by_bus = order == Some(BY_BUS) || answering.windows(2).all(|two| two[0].name == two[1].name);
    let numbered = |number: usize| match devices.get(number) {
        None => Err(none()),
        Some(_) if !by_bus => Err(Unresolved::Ambiguous(not_found(format!(
            "device {number} is ambiguous: CUDA puts the fastest first where devices differ; set \
             CUDA_DEVICE_ORDER=PCI_BUS_ID, or name it by its UUID in CUDA_VISIBLE_DEVICES"
        )))),
        // Of a divided device CUDA sees the first slice.
        Some(Ok(device)) => Ok(device.slices.first().unwrap_or(&device.uuid).clone()),
        Some(Err(error)) => Err(Unresolved::Silent(number, error.clone())),
    };
    let Some(visible) = visible else { return numbered(index) };
    // What follows an entry that names no device is not visible.
    for (position, entry) in visible.split(',').map(str::trim).enumerate() {
        let found = match entry.parse::<usize>() {
            Ok(number) => numbered(number),
            Err(_) => named(entry, &answering).ok_or_else(none),
        };
        match found {
            found if position == index => return found,
            Err(Unresolved::Invisible(why)) => return Err(Unresolved::Invisible(why)),
            _ => {}
        }
    }
    Err(none())
}

/// `CUDA_VISIBLE_DEVICES` and `CUDA_DEVICE_ORDER` of this process.
pub(super) fn variables() -> [Option<String>; 2] {
    ["CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"].map(|name| std::env::var(name).ok())
}

/// Every visible device, each once. `ask` knows which one CUDA means by a number that is ambiguous; where it does not, all
/// devices of the machine are taken: the right ones are among them. Where the first entry names none, that one is taken all
/// the same, for its telemetry to say what is amiss.
pub(super) fn resolve_all(
    visible: Option<&str>,
    order: Option<&str>,
    devices: &[Result<Listed, CallError>],
    ask: impl Fn(usize) -> Option<String>,
) -> Vec<GpuTarget> {
    let (mut targets, mut silent) = (Vec::new(), Vec::new());
    for index in 0.. {
        let target = match resolve(index, visible, order, devices) {
            Ok(uuid) => GpuTarget::Uuid(uuid),
            Err(Unresolved::Silent(number, _)) if silent.contains(&number) => continue,
            Err(Unresolved::Silent(number, _)) => {
                silent.push(number);
                GpuTarget::Visible(index)
            }
            Err(Unresolved::Ambiguous(_)) => match ask(index) {
                Some(uuid) => GpuTarget::Uuid(uuid),
                None => return resolve_all(None, Some(BY_BUS), devices, ask),
            },
            Err(Unresolved::Invisible(_)) => break,
        };
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    // These say that no device is meant.
    let hides_all = |list: &str| ["", "-1", "NoDevFiles"].contains(&list.split(',').next().unwrap_or_default().trim());
    if targets.is_empty() && !visible.is_none_or(hides_all) {
        targets.push(GpuTarget::Visible(0));
    }
    targets
}

/// The one device or slice whose identifier begins with `entry`.
fn named(entry: &str, devices: &[&Listed]) -> Option<String> {
    let known = devices.iter().flat_map(|device| device.slices.iter().chain([&device.uuid]));
    let mut fitting =
        known.filter(|uuid| ["GPU-", "MIG-"].iter().any(|kind| entry.starts_with(kind)) && uuid.starts_with(entry));
    match (fitting.next(), fitting.next()) {
        (Some(uuid), None) => Some(uuid.clone()),
        (Some(_), Some(_)) => None,
        // The older form of a slice's name, MIG-GPU-<uuid>/<instance>/<instance>: the driver takes it as it is.
        (None, _) => entry.starts_with("MIG-GPU-").then(|| entry.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn devices(names: &[&str]) -> Vec<Result<Listed, CallError>> {
        let listed = names.iter().enumerate().map(|(i, name)| match *name {
            "lost" => Err(CallError { code: Code::GpuLost, why: "off the bus".into() }),
            name => Ok(Listed {
                uuid: format!("GPU-{i}a2b"),
                name: name.into(),
                slices: if name == "divided" { vec!["MIG-77".into(), "MIG-78".into()] } else { Vec::new() },
            }),
        });
        listed.collect()
    }

    #[test]
    fn a_device_that_does_not_answer_keeps_its_place() {
        let names = ["lost", "H100", "H100"];
        assert_eq!(resolve(1, None, None, &devices(&names)).unwrap(), "GPU-1a2b");
        let lost = |visible| CallError::from(resolve(0, visible, None, &devices(&names)).unwrap_err());
        assert_eq!([lost(None).code, lost(Some("0,1")).code], [Code::GpuLost; 2]);
        assert_eq!(ask(0, "2,0", &names).unwrap(), "GPU-2a2b");
    }

    fn ask(index: usize, visible: &str, names: &[&str]) -> Result<String, CallError> {
        Ok(resolve(index, Some(visible), None, &devices(names))?)
    }

    #[test]
    fn numbers_and_identifiers_name_devices() {
        let same = ["H100"; 4];
        assert_eq!(resolve(2, None, None, &devices(&same)).unwrap(), "GPU-2a2b");
        assert_eq!(ask(0, "3,1", &same).unwrap(), "GPU-3a2b");
        assert_eq!(ask(1, " 3 , 1 ", &same).unwrap(), "GPU-1a2b");
        assert_eq!(ask(1, "0,GPU-2", &same).unwrap(), "GPU-2a2b");
        assert_eq!(ask(0, "MIG-78", &["divided"]).unwrap(), "MIG-78");
        assert_eq!(ask(0, "0", &["divided"]).unwrap(), "MIG-77");
        assert_eq!(ask(0, "MIG-GPU-9/1/0", &["divided"]).unwrap(), "MIG-GPU-9/1/0");
    }

    #[test]
    fn what_follows_no_device_is_not_visible() {
        let same = ["H100"; 2];
        for (index, visible) in [(0, ""), (0, "-1"), (1, "0"), (1, "0,-1,1"), (1, "0,7,1"), (0, "GPU-"), (0, "GPU-9")] {
            let why = ask(index, visible, &same).expect_err(visible).why;
            assert!(why.contains(&format!("no visible device {index}")), "{visible}: {why}");
        }
        assert!(resolve(2, None, None, &devices(&same)).is_err());
    }

    #[test]
    fn numbers_of_different_devices_need_an_order() {
        let mixed = devices(&["T4", "H100"]);
        let why = CallError::from(resolve(0, None, None, &mixed).unwrap_err()).why;
        assert!(why.contains("PCI_BUS_ID"), "{why}");
        assert!(resolve(0, Some("1"), Some("FASTEST_FIRST"), &mixed).is_err());
        assert_eq!(resolve(0, Some("1"), Some("PCI_BUS_ID"), &mixed).unwrap(), "GPU-1a2b");
        assert_eq!(resolve(0, Some("GPU-1"), None, &mixed).unwrap(), "GPU-1a2b");
    }

    #[test]
    fn every_visible_device_is_found_or_all_are_taken() {
        let all = |visible, order, names: &[&str], told: Option<&str>| {
            let targets = resolve_all(visible, order, &devices(names), |_| told.map(String::from));
            let word = |target| match target {
                GpuTarget::Uuid(uuid) => uuid,
                GpuTarget::Visible(index) => index.to_string(),
            };
            targets.into_iter().map(word).collect::<Vec<_>>()
        };
        let (same, mixed) = (["H100", "H100", "H100"], ["T4", "H100", "lost"]);
        assert_eq!(all(None, None, &same, None), ["GPU-0a2b", "GPU-1a2b", "GPU-2a2b"]);
        assert_eq!(all(Some("2,0,-1,1"), None, &same, None), ["GPU-2a2b", "GPU-0a2b"]);
        for hidden in ["", "-1", "NoDevFiles"] {
            assert_eq!(all(Some(hidden), None, &mixed, None), [""; 0]);
        }
        assert_eq!(all(Some("1,1,0"), None, &same, None), ["GPU-1a2b", "GPU-0a2b"]);
        assert_eq!(all(Some("2,2,1,2"), Some("PCI_BUS_ID"), &mixed, None), ["0", "GPU-1a2b"]);
        for wrong in ["7", "GPU-9", "GPU-9,0", "GPU-"] {
            assert_eq!(all(Some(wrong), None, &same, None), ["0"], "{wrong}: its telemetry says why");
        }
        assert_eq!(all(Some("2,1"), Some("PCI_BUS_ID"), &mixed, None), ["0", "GPU-1a2b"]);
        assert_eq!(all(Some("1,GPU-0"), None, &mixed, Some("GPU-1a2b")), ["GPU-1a2b", "GPU-0a2b"]);
        assert_eq!(all(Some("1,GPU-0"), None, &mixed, None), ["GPU-0a2b", "GPU-1a2b", "2"], "nobody can tell which");
        assert_eq!(resolve(1, Some("1,GPU-0"), None, &devices(&mixed)).unwrap(), "GPU-0a2b");
    }
}

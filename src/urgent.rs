//! Threads that do little and should do it at once, though a training keeps every core busy.

/// Asks the kernel to run this thread, and those that it starts, soon after they wake: they ask for short turns, and so need
/// not wait until others have ended their longer ones. Linux does so from 6.12 on, without privileges; where it does not,
/// nothing changes.
pub fn short_turns() {
    #[cfg(target_os = "linux")]
    // A kernel that does not know this ignores or refuses it, and the thread is as it was.
    let _ = linux::ask(linux::TURN);
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io;

    /// Nanoseconds: the shortest turn that the kernel grants.
    pub const TURN: u64 = 100_000;

    /// `struct sched_attr` of the kernel, in its first form.
    #[repr(C)]
    #[derive(Debug, Default)]
    pub struct Attributes {
        size: u32,
        policy: u32,
        flags: u64,
        nice: i32,
        priority: u32,
        pub runtime: u64,
        deadline: u64,
        period: u64,
    }

    const SIZE: u32 = size_of::<Attributes>() as u32;

    /// The attributes of this thread.
    pub fn attributes() -> io::Result<Attributes> {
        let mut attributes = Attributes::default();
        // SAFETY: the kernel writes at most SIZE bytes into the structure, which has as many and is plain numbers.
        let result = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, SIZE, 0) };
        if result == 0 { Ok(attributes) } else { Err(io::Error::last_os_error()) }
    }

    /// Asks for turns of so many nanoseconds; everything else stays.
    pub fn ask(turn: u64) -> io::Result<()> {
        let asked = Attributes { size: SIZE, flags: 0, runtime: turn, ..attributes()? };
        // SAFETY: the kernel only reads the structure, whose size it is told.
        let result = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const asked, 0) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::linux::{TURN, ask, attributes};

    #[test]
    fn turns_are_as_short_as_asked_where_the_kernel_has_them() {
        std::thread::spawn(|| {
            let before = attributes().unwrap().runtime;
            let asked = ask(TURN);
            let after = attributes().unwrap().runtime;
            // Kernels before 6.12 report 0 and take no note.
            let expected = if asked.is_ok() && before > 0 { TURN } else { before };
            assert_eq!(after, expected, "{asked:?}");
            let of_child = std::thread::spawn(|| attributes().unwrap().runtime).join().unwrap();
            assert_eq!(of_child, expected, "what it starts is as urgent");
        })
        .join()
        .unwrap();
    }
}

//! What CUDA's allocator and events say, by a made-up device in libtorch's place of one.

use super::*;
use crate::testing::on_scripted_devices;

#[test]
fn figures_of_the_allocator_and_times_between_events_are_those_of_the_device() {
    on_scripted_devices(figures_and_times);
}

fn figures_and_times() {
    let amount = |now, peak| Amount { now: Bytes(now), peak: Bytes(peak) };
    let says = |i: u64| Memory {
        allocated: amount(1000 + i, 2000 + i),
        reserved: amount(3000 + i, 4000 + i),
        active: amount(5000 + i, 6000 + i),
        retries: 70 + i,
        ooms: 80 + i,
    };
    assert_eq!([cuda_memory(0).unwrap(), cuda_memory(1).unwrap()], [says(0), says(1)]);
    reset_cuda_memory(1).unwrap();
    let fresh =
        Memory { allocated: amount(1001, 1001), reserved: amount(3001, 3001), active: amount(5001, 5001), ..says(1) };
    assert_eq!([cuda_memory(0).unwrap(), cuda_memory(1).unwrap()], [says(0), fresh], "the other device's peaks stay");
    release_cuda_memory().unwrap();
    assert_eq!(cuda_memory(0).unwrap().reserved, amount(3, 4000));
    assert!(cuda_memory(7).unwrap_err().to_string().contains("no device 7"));
    assert!(reset_cuda_memory(7).is_err() && Event::record(7).is_err());

    let [first, second, third] = [(); 3].map(|()| Event::record(1).unwrap());
    let milliseconds = |from: &Event, to: &Event| from.until(to).unwrap().0 * 1e3;
    assert!((milliseconds(&first, &second) - 2.5).abs() < 1e-9);
    assert!((milliseconds(&first, &third) - 5.0).abs() < 1e-9);
}

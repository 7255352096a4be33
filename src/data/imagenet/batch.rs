//! A batch while threads fill it.

use super::crop::SIDE;
use super::resample::{NUMBERS, Order};
use crate::native::pinned;
use std::sync::Mutex;
use tch::{Device, Kind, Tensor};

/// Memory for the numbers of some images, each written by one thread.
pub(super) struct Sheet {
    tensor: Tensor,
    /// One place an image; whoever holds the lock writes there.
    places: Vec<Mutex<Place>>,
    order: Order,
}

/// Where the numbers of one image go.
struct Place(*mut f32);

// SAFETY: the pointer leads into the tensor beside it, to numbers that no other place has.
unsafe impl Send for Place {}

// SAFETY: the tensor is only touched by its owner, once no thread has a place any more; the places lock themselves.
unsafe impl Sync for Sheet {}

impl Sheet {
    /// Memory for `images` images; pinned where they go to a CUDA device.
    ///
    /// # Errors
    /// libtorch's, in words: there is none left.
    pub(super) fn new(images: usize, order: Order, device: Device) -> Result<Self, String> {
        let (n, side) = (images as i64, i64::from(SIDE));
        let shape = match order {
            Order::Planes => [n, 3, side, side],
            Order::Pixels => [n, side, side, 3],
        };
        // From a pool, which has what was pinned for the batches before: to pin memory takes long.
        let tensor = match device.is_cuda() {
            true => pinned(&shape).map_err(|e| e.to_string())?,
            false => Tensor::f_empty(shape, (Kind::Float, Device::Cpu)).map_err(|e| e.to_string())?,
        };
        let start: *mut f32 = tensor.data_ptr().cast();
        // SAFETY: the tensor holds `images * NUMBERS` numbers.
        let places = (0..images).map(|image| Mutex::new(Place(unsafe { start.add(image * NUMBERS) })));
        Ok(Self { places: places.collect(), tensor, order })
    }

    /// Lets `write` fill the place of an image.
    pub(super) fn fill<T>(&self, image: usize, write: impl FnOnce(&mut [f32]) -> T) -> T {
        let place = self.places[image].lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // SAFETY: as many numbers belong to this place, and the lock keeps others away.
        write(unsafe { std::slice::from_raw_parts_mut(place.0, NUMBERS) })
    }

    /// The images whose places are `good`, on `device`: `[N, 3, SIDE, SIDE]`.
    pub(super) fn into_tensor(self, good: &[usize], device: Device) -> Tensor {
        let mut tensor = self.tensor;
        if good.len() < self.places.len() {
            let good: Vec<i64> = good.iter().map(|place| *place as i64).collect();
            tensor = tensor.index_select(0, &Tensor::from_slice(&good));
        }
        let on_device = tensor.to_device_(device, Kind::Float, true, false);
        match self.order {
            Order::Planes => on_device,
            Order::Pixels => on_device.permute([0, 3, 1, 2]),
        }
    }
}

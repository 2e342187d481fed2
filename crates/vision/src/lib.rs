//! Measures of pictures, without a network: how sharp one is, how much moves from one to the next, where it glints.
//!
//! Nothing here knows of videos or jobs. The measures are those of OpenCV, and are tested against it.

mod components;
mod flow;
mod glint;
mod grey;
mod measures;
mod sharpness;
mod simd;
pub mod tensors;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use components::{Component, components};
pub use flow::{Farneback, FlowField};
pub use glint::{Glint, Highlight, Rgb, glint, glint_of_grey};
pub use grey::Grey;
pub use measures::FrameMeasures;
pub use sharpness::sharpness;

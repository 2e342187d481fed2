//! Drawing: what is seen where, and in which light.

mod lens;
mod material;
mod raster;
mod shadow;
mod view;

pub(crate) use lens::{Finish, finish};
pub(crate) use material::{Light, Material};
pub(crate) use raster::{Canvas, Group, SAMPLES};
pub(crate) use shadow::ShadowMap;
pub(crate) use view::View;

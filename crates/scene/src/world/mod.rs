//! What is around the people: ground, walls, sky, things.

mod ground;
mod props;
mod setting;
mod wall;

pub(crate) use props::{Prop, PropKind, ball_mesh};
pub(crate) use setting::{Place, Setting};
pub(crate) use wall::Wall;

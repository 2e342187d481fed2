//! Convolutions in bf16 with sums in f32, on processors with AMX (Intel, since Sapphire Rapids).
//!
//! A map's channels lie in planes of 32 or 16 bf16 numbers a pixel (`map`). One instruction multiplies a tile of 16 pixels × 32
//! channels with one of 32 channels × 16 outputs (`tile`); since a tile's rows may lie at any distance, it reads pixels where
//! they are in the plane, and nothing is laid out anew for a filter's taps (`conv`). Bias, activation and shortcut are added
//! in f32 before a value is rounded to bf16 once (`finish`).

pub(crate) mod conv;
mod finish;
pub(crate) mod map;
pub(crate) mod pool;
#[cfg(test)]
mod tests;
mod tile;

pub(crate) use tile::available;

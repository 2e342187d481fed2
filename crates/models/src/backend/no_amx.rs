//! In place of the kernels on tiles where the processor's architecture has none: what cannot be made.

use candle_core::{Device, Tensor};
use framefan_contract::request::Precision;
use framefan_contract::{Error, Result};

use super::{Backend, ConvParams};
use crate::kernels::map::Map;

/// Nothing.
pub(crate) enum Amx {}

impl Amx {
    /// # Errors
    /// [`Usage`](framefan_contract::ErrorKind::Usage), always.
    pub fn new(_: &Device, _: Precision) -> Result<Amx> {
        Amx::require()?;
        Err(Error::defect("there are no kernels on tiles for this architecture"))
    }

    /// # Errors
    /// [`Usage`](framefan_contract::ErrorKind::Usage), always.
    pub fn require() -> Result<()> {
        Err(Error::usage("precision bf16 on a CPU needs an Intel processor with AMX: use f32"))
    }
}

impl Backend for Amx {
    type Map = ();
    type Output = Map;
    type Conv = ();

    fn prepare(&self, _: ConvParams) -> Result<()> {
        match *self {}
    }

    fn enter(&self, _: &Tensor) -> Result<()> {
        match *self {}
    }

    fn conv(&self, _: &(), _: &(), _: Option<&()>) -> Result<()> {
        match *self {}
    }

    fn output(&self, _: &(), _: &()) -> Result<Map> {
        match *self {}
    }

    fn concat(&self, _: &[()]) -> Result<()> {
        match *self {}
    }

    fn halve(&self, _: &()) -> Result<[(); 2]> {
        match *self {}
    }

    fn max_pool_5(&self, _: &()) -> Result<()> {
        match *self {}
    }

    fn upsample_2(&self, _: &()) -> Result<()> {
        match *self {}
    }
}

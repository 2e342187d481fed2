//! The instruction sets that have kernels of their own.

/// An instruction set. Kernels of different sets may round differently, so each is a device class of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// x86-64 with AVX-512F: 16 floats at a time.
    Avx512,
    /// x86-64 with AVX2 and FMA: 8 floats at a time.
    Avx2,
    /// Plain Rust, for every processor.
    Portable,
}

impl Isa {
    /// The fastest set that this processor has.
    pub fn detect() -> Isa {
        Isa::available()[0]
    }

    /// Every set that this processor has, fastest first; [`Isa::Portable`] is always the last.
    pub fn available() -> Vec<Isa> {
        let mut sets = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx512f") {
                sets.push(Isa::Avx512);
            }
            if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
                sets.push(Isa::Avx2);
            }
        }
        sets.push(Isa::Portable);
        sets
    }

    /// The name used in device classes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Isa::Avx512 => "avx512",
            Isa::Avx2 => "avx2",
            Isa::Portable => "portable",
        }
    }
}

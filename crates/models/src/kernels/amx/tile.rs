//! The instructions on tiles. Rust has no stable names for them, so they are written in assembly.

use std::arch::asm;
use std::sync::OnceLock;

/// Rows of a tile of inputs and sums, and columns of one of sums.
pub(super) const SIDE: usize = 16;
/// bf16 numbers in a row of a tile of inputs: what one instruction sums over.
pub(super) const DEPTH: usize = 32;
/// bf16 numbers of a tile of weights: two rows of the matrix side by side in each of its 16 rows.
pub(super) const WEIGHTS: usize = DEPTH * SIDE;
/// Bytes of a tile's row, and rows of 64 bytes.
const ROW_BYTES: usize = 64;

/// Tiles of sums that are worked on at once: as many as hide the time that an instruction takes.
pub(super) const SUMS: usize = 4;

/// Whether this processor and system have tiles of bf16, and the AVX-512 instructions that finish their sums.
pub(crate) fn available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| {
        const AMX_BF16: u32 = 1 << 22;
        const AMX_TILE: u32 = 1 << 24;
        let avx512 = std::arch::is_x86_feature_detected!("avx512f")
            && std::arch::is_x86_feature_detected!("avx512dq")
            && std::arch::is_x86_feature_detected!("avx512bw")
            && std::arch::is_x86_feature_detected!("avx512vl")
            && std::arch::is_x86_feature_detected!("avx512bf16");
        // A processor with AVX-512 has leaf 7.
        avx512 && {
            let features = std::arch::x86_64::__cpuid_count(7, 0).edx;
            features & AMX_BF16 != 0 && features & AMX_TILE != 0 && permitted()
        }
    })
}

/// Asks the system for the registers, which hold so much that Linux gives them on request only; for all threads to come, too.
#[cfg(target_os = "linux")]
fn permitted() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_int = 0x1023;
    const XFEATURE_XTILEDATA: libc::c_ulong = 18;
    // SAFETY: the call takes two numbers and changes what this process may do, no memory.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 }
}

#[cfg(not(target_os = "linux"))]
fn permitted() -> bool {
    false
}

/// Tile registers that are set up for whole tiles; given back when dropped.
pub(super) struct Tiles(());

impl Tiles {
    /// Sets up the registers of this thread.
    ///
    /// # Safety
    /// [`available`] must have said yes.
    pub unsafe fn configure() -> Tiles {
        #[repr(C, align(64))]
        struct Configuration {
            palette: u8,
            start_row: u8,
            reserved: [u8; 14],
            row_bytes: [u16; 16],
            rows: [u8; 16],
        }
        let mut configuration =
            Configuration { palette: 1, start_row: 0, reserved: [0; 14], row_bytes: [0; 16], rows: [0; 16] };
        configuration.row_bytes[..8].fill(ROW_BYTES as u16);
        configuration.rows[..8].fill(SIDE as u8);
        // SAFETY: the configuration has the layout that the instruction reads; the compiler uses no tile registers.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const configuration, options(nostack, readonly)) };
        Tiles(())
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: tiles were there when they were configured.
        unsafe { asm!("tilerelease", options(nostack, nomem)) };
    }
}

/// What one instruction sums over: 64 bytes of each of 16 pixels.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Inputs {
    /// Where they lie for the plane's first pixel.
    pub base: *const u8,
    /// Bytes from a pixel of the plane to the next.
    pub pitch: usize,
    /// Bytes from a row of the tile to the next.
    pub row: usize,
}

/// A product of tiles, summed over steps.
#[derive(Clone, Copy)]
pub(super) struct Product<'a> {
    /// At least one step.
    pub steps: &'a [Inputs],
    /// Pixels of the planes before the first tile's first one.
    pub first: usize,
    /// `[step][DEPTH / 2][SIDE][2]`.
    pub weights: *const u16,
    /// `[tiles][SIDE][SIDE]`.
    pub sums: *mut f32,
}

/// Computes sums of `TILES` tiles, 1 to [`SUMS`], one below the other.
///
/// The weights' tile changes from step to step only, and those of a few hundred channels stay in the first-level cache while
/// pixels pass by; two tiles across would need less of the inputs and twice as much of the weights.
///
/// # Safety
/// [`Tiles`] are configured on this thread. Each step's inputs can be read for 16 · `TILES` rows of 64 bytes, the weights and the
/// sums have the stated sizes, and nobody else touches the sums.
#[inline]
pub(super) unsafe fn multiply<const TILES: usize>(product: Product) {
    let Product { steps, first, weights, sums } = product;
    /// Zeroes the registers that hold sums, adds up step by step, stores: for each tile the numbers of its register and of that of
    /// its inputs.
    macro_rules! sum {
        ($($sum:literal from $input:literal),*) => {
            // SAFETY: as for this function; the registers are this block's alone.
            unsafe {
                asm!(
                    $(concat!("tilezero tmm", $sum),)*
                    "2:",
                    "mov {at}, [{steps} + 8]",
                    "mov {row}, [{steps} + 16]",
                    "imul {at}, {first}",
                    "mov {tile}, {row}",
                    "shl {tile}, 4",
                    "add {at}, [{steps}]",
                    "tileloadd tmm7, [{weights} + {line}*1]",
                    $(
                        concat!("tileloadd tmm", $input, ", [{at} + {row}*1]"),
                        concat!("tdpbf16ps tmm", $sum, ", tmm", $input, ", tmm7"),
                        "add {at}, {tile}",
                    )*
                    "add {weights}, 1024",
                    "add {steps}, 24",
                    "dec {count}",
                    "jnz 2b",
                    $(concat!("tilestored [{sums} + {line}*1 + 1024*", $sum, "], tmm", $sum),)*
                    at = out(reg) _,
                    row = out(reg) _,
                    tile = out(reg) _,
                    steps = inout(reg) steps.as_ptr() => _,
                    count = inout(reg) steps.len() => _,
                    first = in(reg) first,
                    weights = inout(reg) weights => _,
                    sums = in(reg) sums,
                    line = in(reg) ROW_BYTES,
                    out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                    out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                    options(nostack)
                )
            }
        };
    }
    match TILES {
        1 => sum!(0 from 4),
        2 => sum!(0 from 4, 1 from 5),
        3 => sum!(0 from 4, 1 from 5, 2 from 6),
        4 => sum!(0 from 4, 1 from 5, 2 from 6, 3 from 4),
        _ => unreachable!("no product of {TILES} tiles"),
    }
}

//! Decoding pace beside FFmpeg's: `cargo run --example decode_bench -- VIDEO [ROUNDS]`.
//!
//! Both decode the whole file with all cores and drop the frames; the best of several alternating rounds counts.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use framefan_contract::plan::Chunk;
use framefan_contract::{Error, Result};
use framefan_media::{ByteSource, DecodeOptions, Decoded, FileSource, FrameReader, Limits, probe};
use framefan_planner::chunk_for_interval;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or_else(|| Error::usage("name a video"))?;
    let rounds: u32 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(5);
    let source: Arc<dyn ByteSource> = Arc::new(FileSource::open(Path::new(&path))?);
    let started = Instant::now();
    let probed = probe(source.clone(), &Limits::default())?;
    println!(
        "probe: {:.3} s, {} bytes read of {}, {} frames, {:?}",
        started.elapsed().as_secs_f64(),
        probed.bytes_read,
        probed.info.size_bytes,
        probed.info.frames,
        probed.index.method
    );
    let whole = chunk_for_interval(&probed.index, probed.info.origin_pts, probed.index.end_pts, 0)?;
    let chunk = Chunk {
        index: 0,
        start_pts: whole.start_pts,
        end_pts: whole.end_pts,
        start_s: 0.0,
        end_s: probed.info.duration_s,
        frames: whole.frames,
        decode_from: whole.decode_from,
        end_packet: whole.end_packet,
        byte_range: whole.byte_range,
        cost: 0.0,
        times: whole.times,
    };
    let (mut ours, mut theirs) = (f64::MAX, f64::MAX);
    for _ in 0..rounds {
        let started = Instant::now();
        let chunks = std::slice::from_ref(&chunk);
        let mut reader =
            FrameReader::open(source.clone(), &probed.info, probed.index.method, chunks, &DecodeOptions::default())?;
        let mut frames = 0;
        while let Some(decoded) = reader.next()? {
            frames += u64::from(matches!(decoded, Decoded::Frame { .. }));
        }
        ours = ours.min(started.elapsed().as_secs_f64() / frames as f64);

        let started = Instant::now();
        let status = Command::new("ffmpeg")
            .args([
                "-v",
                "error",
                "-nostdin",
                "-i",
                &path,
                "-map",
                "0:v:0",
                "-fps_mode",
                "passthrough",
                "-f",
                "null",
                "-",
            ])
            .status()
            .map_err(|e| Error::io("cannot run ffmpeg", e))?;
        if !status.success() {
            return Err(Error::bad_input("ffmpeg failed"));
        }
        theirs = theirs.min(started.elapsed().as_secs_f64() / frames as f64);
    }
    println!("framefan: {:.1} fps, ffmpeg: {:.1} fps, ratio {:.3}", 1.0 / ours, 1.0 / theirs, theirs / ours);
    Ok(())
}

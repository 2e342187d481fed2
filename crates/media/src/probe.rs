//! The probe: what a video is, and its frame index, at the least reading that tells it for sure.

use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use framefan_contract::video::{FrameIndex, IndexMethod, VideoInfo};
use framefan_contract::{Error, ErrorKind, Rational, Result};

use crate::av::{self, Packet, Parameters, ffi};
use crate::boxes;
use crate::decoder::{Decoder, DecoderOptions, Received, check_codec, codec_name};
use crate::demux::Demuxer;
use crate::frame::RawFrame;
use crate::index::{Scan, decode_scan, no_frame};
use crate::limits::Limits;
use crate::orientation;
use crate::picture::{ColorMatrix, ColorRange};
use crate::source::{ByteSource, MeteredSource};

/// Packets and bytes after which the probe gives up waiting for the first frame.
const MAX_FIRST_PACKETS: usize = 3000;
const MAX_FIRST_BYTES: usize = 256 << 20;

/// What a video is, and where its frames are.
#[derive(Debug)]
pub struct Probe {
    /// Its properties.
    pub info: VideoInfo,
    /// Its packets and frames.
    pub index: FrameIndex,
    /// What was assumed or found odd, for people to read.
    pub notes: Vec<String>,
    /// Bytes read from the source.
    pub bytes_read: u64,
    /// SHA-256 of all that was read: the same file gives the same digest.
    pub digest: String,
}

/// Reads what a video is and indexes its frames. MP4 and MOV are indexed from their tables, other containers by one pass over
/// their packets, and files whose packets lack, repeat or contradict times by decoding them once.
///
/// # Errors
/// `BadInput` when it is no video on our lists of containers and codecs, is over a limit, or nothing in it decodes; the
/// source's own errors.
pub fn probe(source: Arc<dyn ByteSource>, limits: &Limits) -> Result<Probe> {
    let name = source.name().to_owned();
    let metered = Arc::new(MeteredSource::new(source));
    let (info, index, notes) = examine(metered.clone(), limits).map_err(|e| e.context(name))?;
    Ok(Probe { info, index, notes, bytes_read: metered.bytes_read(), digest: metered.digest() })
}

/// Opens a demuxer for decoding, the same way in the probe and in the reader, and so that it says what FFmpeg's command sees.
/// MP4 and MOV need nothing beyond their tables.
pub(crate) fn open_for_decoding(
    source: Arc<dyn ByteSource>,
    stop: Arc<AtomicBool>,
    stream: Option<usize>,
) -> Result<Demuxer> {
    let mut demuxer = Demuxer::open(source, stop)?;
    if demuxer.is_mov() {
        demuxer.without_parser();
        demuxer.keep_stored_timestamps();
    } else {
        demuxer.find_info()?;
    }
    match stream {
        Some(stream) => demuxer.use_stream(stream)?,
        None => _ = demuxer.choose_stream()?,
    }
    Ok(demuxer)
}

/// Average frame rate as the container or FFmpeg's analysis of it states it.
pub(crate) fn stated_rate(demuxer: &Demuxer) -> Option<Rational> {
    av::positive(demuxer.stream().avg_frame_rate)
}

fn examine(source: Arc<MeteredSource>, limits: &Limits) -> Result<(VideoInfo, FrameIndex, Vec<String>)> {
    let size = source.size();
    limits.check_bytes(size)?;
    let never = Arc::new(AtomicBool::new(false));
    let opened = open_for_decoding(source.clone(), never.clone(), None);
    let is_no_video = opened.as_ref().err().is_some_and(|e| e.kind() == ErrorKind::BadInput);
    if is_no_video && boxes::lacks_index(source.as_ref())? {
        return Err(Error::bad_input(
            "its index (the moov box) is missing: the file is truncated or was never finished",
        ));
    }
    let mut demuxer = opened?;
    if demuxer.is_mov() && boxes::refers_to_another_file(source.as_ref())? {
        return Err(Error::bad_input("its media data is said to be in another file, and only this one is read"));
    }
    let stream = demuxer.stream().index as usize;
    let parameters = demuxer.parameters()?;
    check_codec(&parameters)?;
    let (width, height) = (parameters.raw().width.max(0) as u32, parameters.raw().height.max(0) as u32);
    if width > 0 && height > 0 {
        limits.check_size(width, height)?;
    }
    let time_base = demuxer.time_base()?;
    let options =
        DecoderOptions { threads: 1, time_base, frame_rate: stated_rate(&demuxer), max_pixels: limits.max_pixels };
    let mut notes = Vec::new();

    let mut found = None;
    if !derives_times(&demuxer, &parameters) {
        let mut decoder = Decoder::open(&parameters, &options)?;
        let mut scan = Scan::new(parameters.raw().codec_id);
        let first = first_frame(&mut demuxer, &mut decoder, &mut scan, limits)?;
        if let Some(origin) = first.pts() {
            let method = if demuxer.is_mov() {
                finish_tables(&mut demuxer, &source, &mut scan, &mut notes, limits)?;
                IndexMethod::Tables
            } else {
                scan = scan_packets(source.clone(), never.clone(), stream, &parameters, limits)?;
                IndexMethod::PacketScan
            };
            found = scan.into_index(method, origin).map(|index| (first, index, origin));
        }
    }
    let (first, index, origin) = match found {
        Some(found) => found,
        None => {
            source.will_read(&[[0, size]]);
            demuxer = open_for_decoding(source, never, Some(stream))?;
            let mut decoder = Decoder::open(&parameters, &DecoderOptions { threads: 0, ..options })?;
            let scan = decode_scan(&mut demuxer, &mut decoder, time_base, options.frame_rate, limits)?;
            if scan.moved > 0 {
                notes.push(format!(
                    "timestamps repeat or go backwards at {} frames, which were moved just after the one before",
                    scan.moved
                ));
            }
            let origin = scan.index.packets.iter().filter_map(|p| p.pts).min().unwrap_or(0);
            (scan.first, scan.index, origin)
        }
    };
    for text in &demuxer.read_errors {
        notes.push(format!("the container is damaged: {text}"));
    }
    let info = describe(&demuxer, &first, &index, origin, size, &mut notes)?;
    limits.check_duration(info.duration_s)?;
    Ok((info, index, notes))
}

/// Whether timestamps of this container are FFmpeg's inference, so that only decoding tells what it makes of them.
fn derives_times(demuxer: &Demuxer, parameters: &Parameters) -> bool {
    use ffi::AVCodecID::{AV_CODEC_ID_H264, AV_CODEC_ID_MJPEG};
    let raw = parameters.raw();
    // Read as a number: SAFETY: a C enum of 32 bits.
    let field_order = unsafe { std::ptr::addr_of!(raw.field_order).cast::<u32>().read() };
    let may_pair_fields = raw.codec_id == AV_CODEC_ID_H264 && field_order > 1;
    match demuxer.container().as_str() {
        "mpeg" => true,
        "avi" => raw.codec_id != AV_CODEC_ID_MJPEG,
        // Two H.264 packets may then make one frame.
        _ => !demuxer.is_mov() && may_pair_fields,
    }
}

/// Decodes until the first displayed frame is out, and notes the packets read.
fn first_frame(demuxer: &mut Demuxer, decoder: &mut Decoder, scan: &mut Scan, limits: &Limits) -> Result<RawFrame> {
    let mut packet = Packet::new()?;
    let mut hidden = Vec::new();
    let mut failure = None;
    let mut bytes = 0;
    loop {
        let within = scan.len() < MAX_FIRST_PACKETS && bytes < MAX_FIRST_BYTES;
        let more = within && demuxer.read(&mut packet)?;
        if more {
            bytes += packet.size();
            hidden.push(packet.is_discarded());
            scan.push(&packet, true, limits)?;
            failure = decoder.send(&mut packet, scan.len() as u64 - 1).or(failure);
        } else {
            decoder.finish();
        }
        loop {
            match decoder.receive()? {
                Received::Frame(frame) => {
                    let (width, height) = frame.size();
                    limits.check_size(width, height)?;
                    let ordinal = frame.ordinal().and_then(|o| usize::try_from(o).ok());
                    if !ordinal.and_then(|o| hidden.get(o).copied()).unwrap_or(false) {
                        return Ok(frame);
                    }
                }
                Received::Failed(text) => failure = Some(text),
                Received::Hungry => break,
                Received::End => return Err(no_frame(failure)),
            }
        }
    }
}

/// Walks the rest of an MP4's packets without reading their data.
fn finish_tables(
    demuxer: &mut Demuxer,
    source: &Arc<MeteredSource>,
    scan: &mut Scan,
    notes: &mut Vec<String>,
    limits: &Limits,
) -> Result<()> {
    let media_data = boxes::media_data(source.as_ref())?;
    let (end, size) = (media_data.last().map_or(0, |range| range.end), source.size());
    if end > size {
        notes.push(format!(
            "the file is truncated: its media data should end at byte {end}, but the file ends at {size}"
        ));
    }
    demuxer.blank(media_data);
    let mut packet = Packet::new()?;
    while demuxer.read(&mut packet)? {
        scan.push(&packet, false, limits)?;
    }
    let listed = demuxer.index_entries();
    if listed > scan.len() {
        notes.push(format!("the file is truncated: its tables list {listed} packets, but {} are there", scan.len()));
    }
    Ok(())
}

/// Reads all packets of a stream with the timestamps that the container stores.
fn scan_packets(
    source: Arc<MeteredSource>,
    never: Arc<AtomicBool>,
    stream: usize,
    parameters: &Parameters,
    limits: &Limits,
) -> Result<Scan> {
    source.will_read(&[[0, source.size()]]);
    let mut demuxer = Demuxer::open(source, never)?;
    demuxer.keep_stored_timestamps();
    if demuxer.stream_count() <= stream {
        demuxer.find_info()?;
    }
    demuxer.use_stream(stream)?;
    let mut scan = Scan::new(parameters.raw().codec_id);
    let mut packet = Packet::new()?;
    while demuxer.read(&mut packet)? {
        scan.push(&packet, true, limits)?;
    }
    Ok(scan)
}

fn describe(
    demuxer: &Demuxer,
    first: &RawFrame,
    index: &FrameIndex,
    origin: i64,
    size_bytes: u64,
    notes: &mut Vec<String>,
) -> Result<VideoInfo> {
    let time_base = demuxer.time_base()?;
    let (coded_width, coded_height) = first.size();
    let orientation = orientation::of(demuxer, first, notes);
    let (width, height) = orientation.displayed(coded_width, coded_height);
    let layout = first.layout()?;
    let color = first.color(&layout);
    let frames = index.packets.iter().filter(|p| p.pts.is_some()).count() as u64;
    let duration = Rational::new(index.end_pts.saturating_sub(origin).max(1), 1).unwrap_or(Rational { num: 1, den: 1 });
    let counted = frames as f64 / (duration.as_f64() * time_base.as_f64());
    let average_fps = stated_rate(demuxer).unwrap_or_else(|| {
        Rational::new((counted * 1000.0).round().max(1.0) as i64, 1000).unwrap_or(Rational { num: 1, den: 1 })
    });
    // SAFETY: format, stream and frame are valid.
    let aspect =
        unsafe { ffi::av_guess_sample_aspect_ratio(demuxer.format_ptr(), demuxer.stream_ptr(), first.as_ptr()) };
    let info = VideoInfo {
        container: demuxer.container(),
        codec: codec_name(&demuxer.parameters()?),
        pixel_format: layout.name.to_owned(),
        width,
        height,
        coded_width,
        coded_height,
        rotation: orientation.rotation,
        mirrored: orientation.mirrored,
        sample_aspect_ratio: av::positive(aspect).unwrap_or(Rational { num: 1, den: 1 }),
        color_range: match color.range {
            ColorRange::Full => "full".to_owned(),
            ColorRange::Limited => "limited".to_owned(),
        },
        color_matrix: match color.matrix {
            ColorMatrix::Bt601 => "bt601".to_owned(),
            ColorMatrix::Bt709 => "bt709".to_owned(),
            ColorMatrix::Bt2020 => "bt2020".to_owned(),
            ColorMatrix::Rgb => "rgb".to_owned(),
        },
        time_base,
        origin_pts: origin,
        average_fps,
        duration_s: 0.0,
        frames,
        stream: c_int::max(demuxer.stream().index, 0) as u32,
        audio_streams: demuxer.audio_streams(),
        size_bytes,
    };
    if frames == 0 {
        return Err(Error::bad_input("the video has no frames"));
    }
    Ok(VideoInfo { duration_s: info.seconds(index.end_pts), ..info })
}

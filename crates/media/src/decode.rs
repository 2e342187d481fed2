//! Exact decoding of consecutive intervals of presentation time.
//!
//! One thread reads, FFmpeg's threads decode, the caller's thread collects frames in presentation order and says where
//! chunks end. The frames of an interval do not depend on where decoding began nor on the number of threads:
//!
//! - Decoding starts at a key packet and the frame of that packet must come out; otherwise (the stream has no real key frame
//!   there, as with intra refresh) it starts again at the beginning of the file.
//! - FFmpeg hides damage differently with different threads and histories. So at the first sign of damage the rest is decoded
//!   by one thread, and a damaged group of pictures always from its own key packet by a fresh decoder.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use framefan_contract::plan::{Chunk, PacketRef};
use framefan_contract::video::{IndexMethod, VideoInfo};
use framefan_contract::{Error, Rational, Result};

use crate::av::{Packet, Parameters};
use crate::damage::DamageLog;
use crate::decoder::{Decoder, DecoderOptions, Received};
use crate::feed::{Fed, Feed, FeedMetrics, Item, Opener};
use crate::frame::{Frame, RawFrame};
use crate::limits::Limits;
use crate::output::{Decoded, Output};
use crate::probe::stated_rate;
use crate::source::{ByteSource, MeteredSource};
use crate::times::Times;

/// How to decode.
#[derive(Clone, Debug)]
pub struct DecodeOptions {
    /// Decoder threads; 0 for one per core. Frames do not depend on it.
    pub threads: usize,
    /// Frames before the first chunk's start that are wanted as well.
    pub stencil: u32,
    /// Largest picture the decoder may allocate, in pixels.
    pub max_pixels: u64,
    /// Times of the frames that are wanted, where not all are. Others may be left out if no frame is predicted from them; a
    /// wanted one may then be missing, too, when a stream does not say how far its frames are out of order.
    pub only: Option<BTreeSet<i64>>,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        DecodeOptions { threads: 0, stencil: 0, max_pixels: Limits::default().max_pixels, only: None }
    }
}

/// What reading cost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ReadMetrics {
    /// Seconds the reader thread worked: reading bytes and demuxing.
    pub busy_s: f64,
    /// Seconds the decoder waited for packets.
    pub wait_s: f64,
    /// Bytes read from the source.
    pub bytes: u64,
    /// Packets read.
    pub packets: u64,
}

/// Decodes consecutive chunks without restart.
pub struct FrameReader {
    video: VideoInfo,
    options: DecodeOptions,
    times: Option<Times>,
    opener: Opener,
    parameters: Parameters,
    frame_rate: Option<Rational>,
    end_packet: u64,
    source: Arc<MeteredSource>,
    metrics: Arc<FeedMetrics>,
    wait_s: f64,

    run: Run,
    /// Key packets met so far, over all runs, by ordinal.
    keys: BTreeMap<u64, PacketRef>,
    damage: DamageLog,
    /// Time of the last frame taken over.
    last_pts: Option<i64>,
    /// Up to here frames of an earlier run were taken over already.
    replay_until: Option<i64>,
    output: Output,
}

/// One pass of a decoder over consecutive packets.
struct Run {
    feed: Feed,
    decoder: Decoder,
    start: PacketRef,
    start_pts: Option<i64>,
    /// Only one thread: what the decoder says belongs to the packet just sent.
    single: bool,
    /// Packets sent and not far behind the last.
    sent: BTreeMap<u64, Sent>,
    last_sent: u64,
    complaints: u64,
    /// Just after the last of `opening` that is displayed before the start packet. Such packets may lack their references, of
    /// which the decoder complains.
    leading_end: usize,
    /// The packets sent until the start frame came out, and whether each is displayed before it.
    opening: Vec<(Packet, bool)>,
    /// The start frame, or a later one, came out.
    settled: bool,
    /// The start frame came out, or needs not.
    recovered: bool,
    finishing: Option<Finish>,
    /// The file ended before the last wanted packet.
    ended_early: bool,
}

/// What happens once the decoder has given out all its frames.
#[derive(Clone, Copy)]
enum Finish {
    /// All is done.
    End,
    /// Frames from `before` on are made by a new decoder from the key packet.
    Restart { from: PacketRef, before: i64 },
}

#[derive(Clone, Copy)]
struct Sent {
    pts: Option<i64>,
    hidden: bool,
}

/// Packets whose times are remembered behind the last one sent.
const REMEMBERED: u64 = 512;

/// Packets fed after the last wanted one, unless a later frame comes out before. A decoder that is told that the stream ends
/// gives out held-back frames by other rules than when it runs on: FFmpeg's H.264 decoder drops some just after a recovery
/// point. No codec holds back more than 16.
const TRAIL: u64 = 17;

impl FrameReader {
    /// Prepares to decode `chunks`, consecutive chunks of one plan, beginning at the first one's `decode_from`.
    ///
    /// # Errors
    /// `Usage` when `chunks` is empty or not consecutive; `BadInput` when the file is not the one that was probed; the
    /// source's own errors.
    pub fn open(
        source: Arc<dyn ByteSource>,
        video: &VideoInfo,
        method: IndexMethod,
        chunks: &[Chunk],
        options: &DecodeOptions,
    ) -> Result<Self> {
        // A frame displayed last may be decoded before those of an earlier chunk.
        let end_packet = chunks.iter().map(|chunk| chunk.end_packet).max();
        let (Some(first), Some(end_packet)) = (chunks.first(), end_packet) else {
            return Err(Error::usage("there are no chunks to decode"));
        };
        if chunks.windows(2).any(|pair| pair[0].end_pts != pair[1].start_pts) {
            return Err(Error::usage("the chunks to decode are not consecutive"));
        }
        let times = (method == IndexMethod::DecodeScan).then(|| Times::of(chunks)).transpose()?;
        let source = Arc::new(MeteredSource::without_digest(source));
        let opener = Opener { source: source.clone(), stream: video.stream as usize, method };
        let stop = Arc::new(AtomicBool::new(false));
        let demuxer = opener.open(stop.clone())?;
        let parameters = demuxer.parameters()?;
        let frame_rate = stated_rate(&demuxer);
        let start = first.decode_from;
        let feed_end = end_packet.saturating_add(TRAIL);
        let metrics = Arc::new(FeedMetrics::default());
        let decoder = open_decoder(&parameters, video, frame_rate, options, options.threads)?;
        let feed = Feed::start(opener.clone(), Some((demuxer, stop)), start, feed_end, metrics.clone())?;
        let start_pts = times.as_ref().map_or(start.pts, |t| t.of_packet(start.ordinal));
        Ok(FrameReader {
            video: video.clone(),
            options: options.clone(),
            times,
            opener,
            parameters,
            frame_rate,
            end_packet,
            source,
            metrics,
            wait_s: 0.0,
            run: Run::new(feed, decoder, start, start_pts, false),
            keys: BTreeMap::from([(start.ordinal, start)]),
            damage: DamageLog::default(),
            last_pts: None,
            replay_until: None,
            output: Output::new(video, chunks, options.stencil as usize),
        })
    }

    /// The next frame or chunk end; `None` after the last chunk's end.
    ///
    /// # Errors
    /// `BadInput` when frames come out in an order that contradicts their times; the source's own errors.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Decoded>> {
        loop {
            if let Some(decoded) = self.output.pop() {
                return Ok(Some(decoded));
            }
            if self.output.is_done() {
                return Ok(None);
            }
            self.step()?;
        }
    }

    /// What reading cost so far.
    pub fn read_metrics(&self) -> ReadMetrics {
        ReadMetrics {
            busy_s: self.metrics.busy_nanos.load(Ordering::Relaxed) as f64 * 1e-9,
            wait_s: self.wait_s,
            bytes: self.source.bytes_read(),
            packets: self.metrics.packets.load(Ordering::Relaxed),
        }
    }

    fn step(&mut self) -> Result<()> {
        match self.run.decoder.receive()? {
            Received::Frame(frame) => self.take(frame),
            Received::Failed(text) => self.odd(self.run.last_sent, &text),
            Received::Hungry => self.feed(),
            Received::End => self.end_of_run(),
        }
    }

    /// Sends the next packet.
    fn feed(&mut self) -> Result<()> {
        let waiting = Instant::now();
        let item = self.run.feed.next();
        self.wait_s += waiting.elapsed().as_secs_f64();
        let Fed { mut packet, place } = match item {
            Item::Packet(fed) => fed,
            Item::End { complete } => {
                self.run.ended_early = !complete && self.run.last_sent + 1 < self.end_packet;
                self.finish(Finish::End);
                return Ok(());
            }
            Item::Failed(error) => return Err(error),
        };
        let ordinal = place.ordinal;
        let pts = self.pts_of(ordinal, place.pts);
        let hidden = packet.is_discarded();
        let corrupt = packet.is_corrupt();
        if packet.is_key() {
            self.keys.insert(ordinal, place);
        }
        self.run.sent.insert(ordinal, Sent { pts, hidden });
        self.run.sent = self.run.sent.split_off(&ordinal.saturating_sub(REMEMBERED));
        self.run.last_sent = ordinal;
        if !self.run.single && !self.run.settled {
            let leading = matches!((pts, self.run.start_pts), (Some(pts), Some(start)) if pts < start);
            self.run.opening.push((packet.share()?, leading));
            if leading {
                self.run.leading_end = self.run.opening.len();
            }
        }
        self.damage.sent(ordinal, pts.filter(|_| !hidden), packet.is_key());
        let concealed = self.run.decoder.concealed();
        // The frame of the first packet shows that decoding may begin there; one thread is for damage, which shows itself in all.
        let unwanted = |only: &BTreeSet<i64>| pts.is_some_and(|pts| !only.contains(&pts));
        let skip = !packet.is_key() && !self.run.single && self.options.only.as_ref().is_some_and(unwanted);
        self.run.decoder.skip_unreferenced(skip);
        let refused = self.run.decoder.send(&mut packet, ordinal);
        if let Some(text) = refused {
            return self.odd(ordinal, &text);
        }
        if corrupt {
            return self.odd(ordinal, "the container marks a packet as corrupt");
        }
        if self.run.single && self.run.decoder.concealed() > concealed {
            return self.odd(ordinal, "parts of a frame were concealed");
        }
        if self.is_suspicious() {
            return self.replay_single(self.run.last_sent);
        }
        Ok(())
    }

    /// How often one thread complains of the packets displayed before the start packet, among those at the opening of a run.
    fn expected_complaints(&self, opening: &[(Packet, bool)]) -> Result<u64> {
        let mut decoder = open_decoder(&self.parameters, &self.video, self.frame_rate, &self.options, 1)?;
        let mut expected = 0;
        for (packet, leading) in opening {
            let before = decoder.complaints();
            let mut packet = packet.share()?;
            decoder.send(&mut packet, 0);
            while !matches!(decoder.receive()?, Received::Hungry | Received::End) {}
            if *leading {
                expected += decoder.complaints() - before;
            }
        }
        Ok(expected)
    }

    /// Whether several threads decode and one of them has complained. What the decoder says of packets displayed before its
    /// first key frame is no matter.
    fn is_suspicious(&self) -> bool {
        let complained = self.run.decoder.complaints() > self.run.complaints;
        !self.run.single && complained && (self.run.settled || self.run.leading_end == 0)
    }

    /// Takes a decoded frame over: into the output, or away when it is not wanted.
    fn take(&mut self, raw: RawFrame) -> Result<()> {
        let Some(ordinal) = raw.ordinal() else { return Ok(()) };
        let sent = self.run.sent.get(&ordinal).copied();
        let hidden = sent.is_some_and(|s| s.hidden);
        let pts = match &self.times {
            Some(times) => times.of_packet(ordinal),
            None => raw.pts().or(sent.and_then(|s| s.pts)),
        };
        let Some(pts) = pts.filter(|_| !hidden) else { return Ok(()) };
        if let Some(Finish::Restart { before, .. }) = self.run.finishing
            && pts >= before
        {
            return Ok(());
        }
        let before_start = self.run.start_pts.is_some_and(|start| pts < start);
        if !before_start && !self.run.settled {
            self.run.settled = true;
            let opening = std::mem::take(&mut self.run.opening);
            if self.run.decoder.complaints() > 0 && self.run.leading_end > 0 {
                self.run.complaints = self.expected_complaints(&opening[..self.run.leading_end])?;
            }
        }
        if before_start && self.last_pts.is_none() {
            return Ok(());
        }
        if !self.run.recovered && !self.damage.any() && self.run.start_pts.is_some_and(|start| pts > start) {
            return self.restart_from_beginning();
        }
        self.run.recovered = true;
        if self.is_suspicious() {
            return self.replay_single(ordinal);
        }
        if self.replay_until.is_some_and(|until| pts <= until) {
            return Ok(());
        }
        if self.last_pts.is_some_and(|last| pts <= last) {
            if self.damage.any() {
                return Ok(());
            }
            return Err(Error::bad_input(format!(
                "timestamps contradict the decoder's order: the frame at {:.3} s comes after one that is later",
                self.video.seconds(pts)
            )));
        }
        let wrong_size = raw.size() != (self.video.coded_width, self.video.coded_height);
        let damage = if wrong_size { Some("the picture changes its size") } else { raw.damage() };
        if let Some(reason) = damage
            && !self.is_before_origin(Some(pts))
        {
            if !self.run.single {
                return self.replay_single(ordinal);
            }
            if self.canonical(ordinal, Some(pts), reason)? || wrong_size {
                return Ok(());
            }
        }
        let after_loss = self.damage.lost_between(self.last_pts, pts);
        let damaged = self.damage.pass(ordinal, pts) || damage.is_some();
        self.last_pts = Some(pts);
        self.output.put(Frame { raw, pts, ordinal, damaged, after_loss }, &mut self.damage);
        Ok(())
    }

    /// The decoder failed at, or near, packet `ordinal`.
    fn odd(&mut self, ordinal: u64, reason: &str) -> Result<()> {
        let pts = self.run.sent.get(&ordinal).and_then(|s| s.pts);
        let leading = matches!((pts, self.run.start_pts), (Some(pts), Some(start)) if pts < start);
        if leading
            || self.is_before_origin(pts)
            || self.run.finishing.is_some_and(|f| matches!(f, Finish::Restart { .. }))
        {
            return Ok(());
        }
        if !self.run.single {
            return self.replay_single(ordinal);
        }
        self.canonical(ordinal, pts, reason)?;
        Ok(())
    }

    fn is_before_origin(&self, pts: Option<i64>) -> bool {
        pts.is_some_and(|pts| pts < self.video.origin_pts)
    }

    /// Starts again with one thread, early enough to make all frames not yet taken over.
    fn replay_single(&mut self, suspect: u64) -> Result<()> {
        let threads = if self.options.threads > 0 {
            self.options.threads
        } else {
            std::thread::available_parallelism().map_or(1, usize::from)
        };
        // With frame threads FFmpeg reports a packet's failure while up to that many later ones are under way.
        let suspect = suspect.min(self.run.last_sent.saturating_sub(threads as u64 + 1)).max(self.run.start.ordinal);
        let last_pts = self.last_pts;
        let covers = |key: &PacketRef, pts: Option<i64>| {
            key.ordinal == self.run.start.ordinal || matches!((pts, last_pts), (Some(pts), Some(last)) if pts <= last)
        };
        let candidates = self.keys.range(self.run.start.ordinal..=suspect).rev();
        let from = candidates.map(|(_, key)| *key).find(|key| covers(key, self.pts_of(key.ordinal, key.pts)));
        let from = from.unwrap_or(self.run.start);
        self.restart(from, 1)
    }

    /// Damage at a packet, met by one thread. Makes sure that the group of pictures is decoded from its own key packet by a
    /// fresh decoder, whatever came before; true when that means to start again.
    fn canonical(&mut self, ordinal: u64, pts: Option<i64>, reason: &str) -> Result<bool> {
        let key = self.keys.range(self.run.start.ordinal..=ordinal).rev().map(|(_, key)| *key).find(|key| {
            let key_pts = self.pts_of(key.ordinal, key.pts);
            // A packet displayed before the last key packet belongs to the group before that.
            key.ordinal == self.run.start.ordinal
                || pts.is_none()
                || key_pts.is_some_and(|key_pts| Some(key_pts) <= pts)
        });
        let key = key.unwrap_or(self.run.start);
        if key.ordinal == self.run.start.ordinal {
            let last_key =
                self.keys.range(..=ordinal).next_back().and_then(|(_, key)| self.pts_of(key.ordinal, key.pts));
            let before = last_key.filter(|&key| pts.is_some_and(|pts| pts < key)).unwrap_or(i64::MAX);
            self.damage.hit(ordinal, pts, before, reason);
            // Packets that were sent before the decoder showed the damage.
            for (&later, sent) in self.run.sent.range(ordinal + 1..) {
                if self.keys.contains_key(&later) {
                    self.damage.recover();
                    break;
                }
                self.damage.affect(later, sent.pts.filter(|_| !sent.hidden));
            }
            return Ok(false);
        }
        let before = self.pts_of(key.ordinal, key.pts).unwrap_or(i64::MAX);
        self.finish(Finish::Restart { from: key, before });
        Ok(true)
    }

    fn finish(&mut self, what: Finish) {
        if self.run.finishing.is_none() {
            self.run.decoder.finish();
        }
        self.run.finishing = Some(what);
    }

    fn end_of_run(&mut self) -> Result<()> {
        if let Some(Finish::Restart { from, .. }) = self.run.finishing {
            return self.restart(from, 1);
        }
        if !self.run.recovered && !self.damage.any() && self.run.start_pts.is_some() && self.run.start.ordinal > 0 {
            return self.restart_from_beginning();
        }
        if self.run.ended_early {
            let pts = self.last_pts.map_or(self.video.origin_pts, |pts| pts.saturating_add(1));
            self.damage.hit(self.run.last_sent + 1, Some(pts), i64::MAX, "the file ends early");
        }
        self.output.finish(&mut self.damage);
        Ok(())
    }

    fn restart_from_beginning(&mut self) -> Result<()> {
        if self.run.start.ordinal == 0 {
            self.run.recovered = true;
            return Ok(());
        }
        let beginning = PacketRef { ordinal: 0, pts: None, dts: None, pos: 0, size: 0 };
        self.keys.insert(0, beginning);
        self.restart(beginning, self.options.threads)?;
        self.run.single = false;
        Ok(())
    }

    fn restart(&mut self, from: PacketRef, threads: usize) -> Result<()> {
        let decoder = open_decoder(&self.parameters, &self.video, self.frame_rate, &self.options, threads)?;
        let feed =
            Feed::start(self.opener.clone(), None, from, self.end_packet.saturating_add(TRAIL), self.metrics.clone())?;
        let start_pts = self.pts_of(from.ordinal, from.pts);
        self.damage.restart(from.ordinal);
        self.replay_until = self.last_pts;
        self.run = Run::new(feed, decoder, from, start_pts, true);
        Ok(())
    }

    fn pts_of(&self, ordinal: u64, stored: Option<i64>) -> Option<i64> {
        match &self.times {
            Some(times) => times.of_packet(ordinal),
            None => stored,
        }
    }
}

impl Run {
    fn new(feed: Feed, decoder: Decoder, start: PacketRef, start_pts: Option<i64>, single: bool) -> Self {
        Run {
            feed,
            decoder,
            start,
            start_pts,
            single,
            sent: BTreeMap::new(),
            last_sent: start.ordinal,
            complaints: 0,
            leading_end: 0,
            opening: Vec::new(),
            settled: false,
            recovered: start.ordinal == 0 || start_pts.is_none() || single,
            finishing: None,
            ended_early: false,
        }
    }
}

fn open_decoder(
    parameters: &Parameters,
    video: &VideoInfo,
    frame_rate: Option<Rational>,
    options: &DecodeOptions,
    threads: usize,
) -> Result<Decoder> {
    let options = DecoderOptions { threads, time_base: video.time_base, frame_rate, max_pixels: options.max_pixels };
    Decoder::open(parameters, &options)
}

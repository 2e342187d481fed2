//! The reader thread: finds the packet to start from, then hands packets to the decoder through a bounded channel.
//!
//! A packet is found again by what it is, not by where a seek claims to land: when the packet met after a seek is not the
//! wanted one or before it, the seek goes further back, at last to the start of the file. That is never wrong, only slower.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

use framefan_contract::plan::PacketRef;
use framefan_contract::video::IndexMethod;
use framefan_contract::{Error, Result};

use crate::av::Packet;
use crate::demux::Demuxer;
use crate::probe::open_for_decoding;
use crate::source::ByteSource;

/// Packets read ahead of the decoder.
const AHEAD: usize = 32;

/// How far before the wanted place later attempts start: seconds, and bytes.
const BACK_SECONDS: [i64; 4] = [0, 0, 10, 120];
const BACK_BYTES: [u64; 4] = [0, 64 << 10, 1 << 20, 32 << 20];

/// A packet with its place in the stream.
pub(crate) struct Fed {
    pub(crate) packet: Packet,
    pub(crate) place: PacketRef,
}

/// What the reader thread hands over.
pub(crate) enum Item {
    Packet(Fed),
    /// All wanted packets were handed over, or the file ended before.
    End {
        complete: bool,
    },
    Failed(Error),
}

/// How to open the file.
#[derive(Clone)]
pub(crate) struct Opener {
    pub(crate) source: Arc<dyn ByteSource>,
    pub(crate) stream: usize,
    pub(crate) method: IndexMethod,
}

impl Opener {
    pub(crate) fn open(&self, stop: Arc<AtomicBool>) -> Result<Demuxer> {
        let mut demuxer = open_for_decoding(self.source.clone(), stop, Some(self.stream))?;
        if self.method == IndexMethod::PacketScan {
            demuxer.keep_stored_timestamps();
        }
        Ok(demuxer)
    }
}

/// Work done by reader threads.
#[derive(Default)]
pub(crate) struct FeedMetrics {
    pub(crate) busy_nanos: AtomicU64,
    pub(crate) packets: AtomicU64,
}

/// A running reader thread. Dropping it ends the thread.
pub(crate) struct Feed {
    receiver: Option<Receiver<Item>>,
    thread: Option<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
}

impl Feed {
    /// Starts reading at `from`, up to the packet before ordinal `end`. `demuxer` may be given when it has not been read from.
    pub(crate) fn start(
        opener: Opener,
        demuxer: Option<(Demuxer, Arc<AtomicBool>)>,
        from: PacketRef,
        end: u64,
        metrics: Arc<FeedMetrics>,
    ) -> Result<Feed> {
        let (demuxer, stop) = match demuxer {
            Some((demuxer, stop)) => (Some(demuxer), stop),
            None => (None, Arc::new(AtomicBool::new(false))),
        };
        let (sender, receiver) = sync_channel(AHEAD);
        let reader = Reader { opener, stop: stop.clone(), metrics };
        let thread = std::thread::Builder::new()
            .name("framefan-read".to_owned())
            .spawn(move || {
                let last = match reader.run(demuxer, from, end, &sender) {
                    Ok(complete) => Item::End { complete },
                    Err(error) => Item::Failed(error),
                };
                // Nobody listening means that nobody wants to know.
                let _ = sender.send(last);
            })
            .map_err(|e| Error::io("cannot start the reader thread", e))?;
        Ok(Feed { receiver: Some(receiver), thread: Some(thread), stop })
    }

    /// Waits for the next item.
    pub(crate) fn next(&mut self) -> Item {
        let item = self.receiver.as_ref().and_then(|r| r.recv().ok());
        item.unwrap_or_else(|| Item::Failed(Error::defect("the reader thread ended without a word")))
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.receiver = None;
        if let Some(thread) = self.thread.take() {
            // A panic in the thread was already seen as a missing last word.
            let _ = thread.join();
        }
    }
}

struct Reader {
    opener: Opener,
    stop: Arc<AtomicBool>,
    metrics: Arc<FeedMetrics>,
}

impl Reader {
    fn run(&self, demuxer: Option<Demuxer>, from: PacketRef, end: u64, sender: &SyncSender<Item>) -> Result<bool> {
        let started = Instant::now();
        let demuxer = match demuxer {
            Some(demuxer) => demuxer,
            None => self.opener.open(self.stop.clone())?,
        };
        let Some((mut demuxer, first)) = self.locate(demuxer, &from)? else { return Ok(false) };
        self.count(started);
        let mut place = from;
        let mut next = Some(first);
        while let Some(packet) = next.take() {
            place = PacketRef {
                ordinal: place.ordinal,
                pts: packet.pts(),
                dts: packet.dts(),
                pos: u64::try_from(packet.pos()).unwrap_or(0),
                size: u32::try_from(packet.size()).unwrap_or(u32::MAX),
            };
            self.metrics.packets.fetch_add(1, Ordering::Relaxed);
            if sender.send(Item::Packet(Fed { packet, place })).is_err() {
                return Ok(true);
            }
            place.ordinal += 1;
            if place.ordinal >= end {
                return Ok(true);
            }
            let started = Instant::now();
            let mut packet = Packet::new()?;
            if demuxer.read(&mut packet)? {
                next = Some(packet);
            }
            self.count(started);
        }
        Ok(false)
    }

    fn count(&self, started: Instant) {
        self.metrics.busy_nanos.fetch_add(started.elapsed().as_nanos() as u64, Ordering::Relaxed);
    }

    /// Finds the wanted packet; `None` when the file ends before it.
    fn locate(&self, mut demuxer: Demuxer, from: &PacketRef) -> Result<Option<(Demuxer, Packet)>> {
        let mut packet = Packet::new()?;
        if from.ordinal == 0 {
            let found = demuxer.read(&mut packet)?;
            return Ok(found.then_some((demuxer, packet)));
        }
        for attempt in 0..BACK_SECONDS.len() {
            if self.seek(&mut demuxer, from, attempt)? && self.meet(&mut demuxer, &mut packet, from)? {
                return Ok(Some((demuxer, packet)));
            }
        }
        let mut demuxer = self.opener.open(self.stop.clone())?;
        for _ in 0..=from.ordinal {
            if !demuxer.read(&mut packet)? {
                return Ok(None);
            }
        }
        if packet.size() as u64 != u64::from(from.size) {
            return Err(Error::bad_input(format!(
                "packet {} has {} bytes instead of {}: the file is not the one that was probed",
                from.ordinal,
                packet.size(),
                from.size
            )));
        }
        Ok(Some((demuxer, packet)))
    }

    fn seek(&self, demuxer: &mut Demuxer, from: &PacketRef, attempt: usize) -> Result<bool> {
        if demuxer.seeks_by_byte() {
            return Ok(demuxer.seek_byte(from.pos.saturating_sub(BACK_BYTES[attempt])));
        }
        // FFmpeg's MOV demuxer takes a presentation time and looks for the decoding time that its greatest shift makes of it:
        // exact for files whose keyframes all have that shift, and too late for others, which the next attempt finds by the
        // decoding time, one group of pictures too early.
        let by_presentation =
            if demuxer.is_mov() { attempt == 0 } else { self.opener.method != IndexMethod::DecodeScan };
        let time = if by_presentation { from.pts.or(from.dts) } else { from.dts.or(from.pts) };
        let Some(time) = time else { return Ok(false) };
        let time_base = demuxer.time_base()?;
        let back = BACK_SECONDS[attempt].saturating_mul(time_base.den) / time_base.num;
        Ok(demuxer.seek_time(time.saturating_sub(back)))
    }

    /// Reads on until the wanted packet; false when what comes is after it.
    fn meet(&self, demuxer: &mut Demuxer, packet: &mut Packet, from: &PacketRef) -> Result<bool> {
        while demuxer.read(packet)? {
            if self.is_wanted(packet, from) {
                return Ok(true);
            }
            let passed = match (packet.dts(), from.dts) {
                (Some(dts), Some(wanted)) if !demuxer.seeks_by_byte() => dts > wanted,
                _ => packet.pos() >= 0 && packet.pos() as u64 > from.pos,
            };
            if passed {
                break;
            }
        }
        Ok(false)
    }

    fn is_wanted(&self, packet: &Packet, from: &PacketRef) -> bool {
        let agree = |a: Option<i64>, b: Option<i64>| a.is_none() || b.is_none() || a == b;
        let same_size = packet.size() as u64 == u64::from(from.size);
        let same_pos = packet.pos() >= 0 && packet.pos() as u64 == from.pos;
        match self.opener.method {
            // Times in the index come from the decoder, and those of packets depend on where reading began.
            IndexMethod::DecodeScan => same_size && same_pos,
            _ => same_size && same_pos && agree(packet.pts(), from.pts) && agree(packet.dts(), from.dts),
        }
    }
}

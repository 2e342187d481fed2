//! Damaged spans: which packets are affected is noted as they are decoded, spans of presentation time as frames come out.
//!
//! A damaged packet affects itself and all that follow it up to the next key packet. What was decoded before it is sound, even
//! if it is displayed later.

use std::collections::BTreeMap;
use std::ops::Bound;

use framefan_contract::artifact::DamagedSpan;
use framefan_contract::plan::Chunk;
use framefan_contract::video::VideoInfo;

/// Affected packets, and the spans their frames leave.
#[derive(Default)]
pub(crate) struct DamageLog {
    /// Times of affected packets that are not yet part of a span.
    pending: BTreeMap<i64, String>,
    /// Set while the packets being decoded are affected.
    cause: Option<Cause>,
    /// Ordinal and time of every affected packet's frame.
    affected: BTreeMap<u64, i64>,
    spans: Vec<Span>,
    any: bool,
}

struct Cause {
    reason: String,
    /// Only frames displayed before this are affected.
    before: i64,
}

struct Span {
    start: i64,
    /// `None` while nothing clean has come after it.
    end: Option<i64>,
    reason: String,
}

impl DamageLog {
    /// Whether any damage was seen.
    pub(crate) fn any(&self) -> bool {
        self.any
    }

    /// Notes that a packet is damaged. Its frame is due at `pts`, if the index has one. Of the packets that follow, those are
    /// affected whose frames are displayed before `before`: when the damaged packet is displayed before the last key packet, that
    /// key packet and what builds on it are sound.
    pub(crate) fn hit(&mut self, ordinal: u64, pts: Option<i64>, before: i64, reason: &str) {
        self.any = true;
        let cause = self.cause.get_or_insert_with(|| Cause { reason: reason.to_owned(), before });
        cause.before = cause.before.max(before);
        self.affect(ordinal, pts);
    }

    /// A packet was sent to the decoder; a key packet ends what damage before it affects.
    pub(crate) fn sent(&mut self, ordinal: u64, pts: Option<i64>, key: bool) {
        if key {
            self.recover();
        }
        self.affect(ordinal, pts);
    }

    /// A key packet follows the affected ones.
    pub(crate) fn recover(&mut self) {
        self.cause = None;
    }

    /// Adds a packet to those affected by the current cause.
    pub(crate) fn affect(&mut self, ordinal: u64, pts: Option<i64>) {
        if let (Some(cause), Some(pts)) = (&self.cause, pts)
            && pts < cause.before
            && self.affected.insert(ordinal, pts).is_none()
        {
            self.pending.insert(pts, cause.reason.clone());
        }
    }

    /// Decoding starts anew at a packet: what follows it is judged again.
    pub(crate) fn restart(&mut self, ordinal: u64) {
        self.cause = None;
        for (_, pts) in self.affected.split_off(&ordinal) {
            self.pending.remove(&pts);
        }
    }

    /// Whether an affected packet's frame that is displayed after `last`, the one that came out before, and before `pts` did not
    /// come out. To be asked before [`DamageLog::pass`].
    pub(crate) fn lost_between(&self, last: Option<i64>, pts: i64) -> bool {
        let after = last.map_or(Bound::Unbounded, Bound::Excluded);
        self.pending.range((after, Bound::Excluded(pts))).next().is_some()
    }

    /// A frame came out. Returns whether it is affected.
    pub(crate) fn pass(&mut self, ordinal: u64, pts: i64) -> bool {
        let later = self.pending.split_off(&pts.saturating_add(1));
        let due = std::mem::replace(&mut self.pending, later);
        for (start, reason) in due {
            self.open(start, reason);
        }
        let affected = self.affected.contains_key(&ordinal);
        if !affected && let Some(span) = self.spans.last_mut() {
            span.end.get_or_insert(pts);
        }
        affected
    }

    /// The spans inside a chunk all of whose frames are out.
    pub(crate) fn within(&mut self, chunk: &Chunk, video: &VideoInfo) -> Vec<DamagedSpan> {
        let later = self.pending.split_off(&chunk.end_pts);
        let due = std::mem::replace(&mut self.pending, later);
        for (start, reason) in due {
            self.open(start, reason);
        }
        let mut inside = Vec::new();
        for span in &self.spans {
            let start = span.start.max(chunk.start_pts);
            let end = span.end.unwrap_or(i64::MAX).min(chunk.end_pts);
            if start < end {
                inside.push(DamagedSpan {
                    start_pts: start,
                    end_pts: end,
                    start_s: video.seconds(start),
                    end_s: video.seconds(end),
                    reason: span.reason.clone(),
                });
            }
        }
        inside
    }

    fn open(&mut self, start: i64, reason: String) {
        if self.spans.last().is_none_or(|span| span.end.is_some_and(|end| end <= start)) {
            self.spans.push(Span { start, end: None, reason });
        }
    }
}

//! Damaged spans: collected as the decoder meets damage, cut to chunks when these end.

use framefan_contract::artifact::DamagedSpan;
use framefan_contract::plan::Chunk;
use framefan_contract::video::VideoInfo;

/// Spans of presentation time whose frames are missing or guessed.
#[derive(Default)]
pub(crate) struct DamageLog {
    spans: Vec<Span>,
}

struct Span {
    start: i64,
    /// `None` while nothing clean has come after it.
    end: Option<i64>,
    reason: String,
    /// The packet that is damaged.
    ordinal: u64,
}

impl DamageLog {
    /// Whether any damage was seen.
    pub(crate) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Notes that packet `ordinal`, whose frame is due at `pts`, is damaged.
    pub(crate) fn hit(&mut self, ordinal: u64, pts: i64, reason: &str) {
        match self.spans.last_mut() {
            Some(span) if span.end.is_none() => {
                span.start = span.start.min(pts);
                span.ordinal = span.ordinal.max(ordinal);
            }
            _ => self.spans.push(Span { start: pts, end: None, reason: reason.to_owned(), ordinal }),
        }
    }

    /// A frame came out. `key` is the last key packet at or before the one that made it. Returns whether the frame lies in damage.
    pub(crate) fn pass(&mut self, ordinal: u64, key: u64, pts: i64) -> bool {
        let Some(span) = self.spans.last_mut().filter(|s| s.end.is_none()) else { return false };
        if key > span.ordinal {
            span.end = Some(pts.max(span.start));
            return false;
        }
        if ordinal >= span.ordinal {
            span.start = span.start.min(pts);
        }
        ordinal >= span.ordinal
    }

    /// The spans inside a chunk.
    pub(crate) fn within(&self, chunk: &Chunk, video: &VideoInfo) -> Vec<DamagedSpan> {
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
}

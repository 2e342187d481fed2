//! The tables of the database of imported results.

/// Another layout of the tables than this is refused.
pub(super) const VERSION: i32 = 1;

/// Marks the file as ours ("ffan"): `application_id` of its header.
pub(super) const APPLICATION: i32 = 0x6666_616e;

/// Names of the 17 landmarks, in COCO's order.
const KEYPOINTS: [&str; 17] = [
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
];

/// Rows refer to their job by a small number, which keeps the big tables and their indexes small. Every primary key begins
/// with it, so a job's rows lie together: they are read and removed as one piece.
const TABLES: &str = "
    CREATE TABLE jobs (
        job INTEGER PRIMARY KEY, job_id TEXT NOT NULL UNIQUE, video TEXT NOT NULL, created_at REAL NOT NULL,
        started_at REAL, completed_at REAL, duration_s REAL, width INTEGER, height INTEGER, fps REAL, frames INTEGER,
        frames_processed INTEGER, container TEXT, codec TEXT, device_class TEXT, precision TEXT, framefan TEXT,
        source TEXT, analyzers TEXT, damaged TEXT, warnings TEXT
    ) STRICT;
    CREATE INDEX jobs_by_video ON jobs (video);
    CREATE TABLE imports (
        job INTEGER PRIMARY KEY REFERENCES jobs ON DELETE CASCADE, imported_at REAL NOT NULL, origin TEXT NOT NULL,
        results_bytes INTEGER NOT NULL, completed_at REAL
    ) STRICT;
    CREATE TABLE frames (
        job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE, frame INTEGER NOT NULL, time_s REAL NOT NULL,
        PRIMARY KEY (job, frame)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX frames_by_time ON frames (job, time_s);
    CREATE TABLE people (
        job INTEGER NOT NULL, frame INTEGER NOT NULL, person INTEGER NOT NULL, score REAL NOT NULL, x REAL NOT NULL,
        y REAL NOT NULL, width REAL NOT NULL, height REAL NOT NULL, PRIMARY KEY (job, frame, person),
        FOREIGN KEY (job, frame) REFERENCES frames ON DELETE CASCADE
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE keypoint_names (keypoint INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE keypoints (
        job INTEGER NOT NULL, frame INTEGER NOT NULL, person INTEGER NOT NULL,
        keypoint INTEGER NOT NULL REFERENCES keypoint_names, x REAL NOT NULL, y REAL NOT NULL, score REAL NOT NULL,
        PRIMARY KEY (job, frame, person, keypoint),
        FOREIGN KEY (job, frame, person) REFERENCES people ON DELETE CASCADE
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE findings (
        job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE, finding TEXT NOT NULL, rule TEXT NOT NULL,
        severity TEXT NOT NULL, title TEXT NOT NULL, start_s REAL NOT NULL, end_s REAL NOT NULL,
        start_frame INTEGER NOT NULL, end_frame INTEGER NOT NULL, value REAL NOT NULL, threshold REAL NOT NULL,
        unit TEXT NOT NULL, detail TEXT NOT NULL, PRIMARY KEY (job, finding)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE detections (
        job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE, detection INTEGER NOT NULL, frame INTEGER NOT NULL,
        track_id INTEGER, class TEXT NOT NULL, x REAL NOT NULL, y REAL NOT NULL, width REAL NOT NULL,
        height REAL NOT NULL, confidence REAL NOT NULL, PRIMARY KEY (job, detection)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX detections_by_frame ON detections (job, frame);
    CREATE INDEX detections_by_track ON detections (job, track_id, frame);
    CREATE TABLE golden_frames (
        job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE, frame INTEGER NOT NULL, time_s REAL NOT NULL,
        sharpness REAL, motion REAL, image TEXT, glint TEXT, PRIMARY KEY (job, frame)
    ) STRICT, WITHOUT ROWID;
";

/// Makes the tables in a file that has none.
pub(super) fn make(transaction: &rusqlite::Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(TABLES)?;
    for (keypoint, name) in KEYPOINTS.iter().enumerate() {
        transaction.execute("INSERT INTO keypoint_names VALUES (?1, ?2)", (keypoint as i64, name))?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)
}

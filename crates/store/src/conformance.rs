//! What every store must do, as tests: call the suites from a test of the implementation. They panic at what is wrong.
//!
//! Each suite is given a function that makes a new, empty store.

#![allow(clippy::unwrap_used, reason = "these are tests, compiled here so that every implementation can run them")]

mod chunks;
mod jobs;
mod objects;
mod transitions;

use crate::{JobStore, ObjectStore};

/// Makes a new, empty store of objects.
pub type MakeObjects<'a> = &'a dyn Fn() -> Box<dyn ObjectStore>;

/// Makes a new, empty store of job state.
pub type MakeJobs<'a> = &'a dyn Fn() -> Box<dyn JobStore>;

/// Everything an [`ObjectStore`] must do.
pub fn objects(make: MakeObjects<'_>) {
    objects::round_trips(&*make());
    objects::creates_once(&*make());
    objects::creates_once_under_races(&*make());
    objects::replaces_whole(&*make());
    objects::takes_files(&*make());
    objects::lists_by_prefix(&*make());
    objects::refuses_bad_keys(&*make());
}

/// Everything a [`JobStore`] must do.
pub fn jobs(make: MakeJobs<'_>) {
    jobs::keeps_what_it_is_told(&*make());
    jobs::knows_only_what_is_there(&*make());
    jobs::lists_newest_first(&*make());
    jobs::knows_who_owns_what(&*make());
    jobs::has_one_owner(&*make());
    jobs::has_one_owner_under_races(&*make());
    jobs::resumes_with_completed_chunks(&*make());
    jobs::starts_over_when_forced(&*make());
    jobs::aggregates_only_what_is_complete(&*make());
    chunks::leases_expire(&*make());
    chunks::renews_leases(&*make());
    chunks::counts_failures(&*make());
    chunks::stops_when_the_job_is_over(&*make());
    chunks::is_claimed_once_under_races(&*make());
    chunks::is_counted_once_under_races(&*make());
    transitions::jobs_follow_the_table(make);
    transitions::chunks_follow_the_table(make);
}

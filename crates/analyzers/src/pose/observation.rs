//! A sampled frame as the statistics see it: everything is measured once, here, and read by metrics, findings and moments.

use super::angles::joint_angles;
use super::body::{Body, Sight, main_person};
use super::movement::{Follower, Motion};
use super::section::Person;
use crate::analyzer::FrameTime;

/// What was measured on one sampled frame.
#[derive(Clone, Debug)]
pub struct Observation<'a> {
    /// When.
    pub time: FrameTime,
    /// Everyone recorded.
    pub people: &'a [Person],
    /// Number of people whose score is high enough to count.
    pub counted: u64,
    /// The main person.
    pub main: Option<MainPerson>,
}

/// What was measured on the main person.
#[derive(Clone, Debug)]
pub struct MainPerson {
    /// Score of the detection.
    pub score: f64,
    /// The landmarks.
    pub body: Body,
    /// Angles of [`super::angles::JOINTS`], degrees.
    pub angles: [Option<f64>; 8],
    /// Motion of the head.
    pub head: Motion,
    /// Motion of the hips.
    pub hips: Motion,
}

/// Measures frame after frame.
#[derive(Debug)]
pub struct Observer {
    sight: Sight,
    person_score: f64,
    follower: Follower,
}

impl Observer {
    /// Counts people with a score of at least `person_score`.
    pub fn new(sight: Sight, person_score: f64) -> Self {
        Observer { sight, person_score, follower: Follower::default() }
    }

    /// Measures the next sampled frame.
    pub fn observe<'a>(&mut self, time: FrameTime, people: &'a [Person]) -> Observation<'a> {
        let counted = people.iter().filter(|person| person.score >= self.person_score).count() as u64;
        let main = main_person(people, self.person_score).map(|person| (person.score, Body::new(person, &self.sight)));
        let (head, hips) = self.follower.follow(time.time_s, main.as_ref().map(|(_, body)| body));
        let main = main.map(|(score, body)| MainPerson { score, angles: joint_angles(&body), body, head, hips });
        Observation { time, people, counted, main }
    }
}

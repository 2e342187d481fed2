//! The parts of tracking against references that share no code with it.

mod people;
mod reduced;
mod references;

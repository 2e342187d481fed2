//! The stores, videos and services of AWS against a local server that speaks its APIs.

#![allow(clippy::unwrap_used, reason = "these are tests, and their helpers")]

mod connection;
mod jobs;
mod objects;
mod proxy;
mod services;
mod support;
mod video;

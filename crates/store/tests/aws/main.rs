//! The stores, videos and services of AWS against a local server that speaks its APIs.

mod jobs;
mod objects;
mod proxy;
mod support;
mod video;

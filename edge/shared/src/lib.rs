//! What both Workers of the edge agree on: image sets, sites, jobs, ticket bodies, siteverify's dialects. Pure: no I/O,
//! no clock, no randomness, no platform; everything here is tested natively.

pub mod admin;
pub mod checkpoint;
pub mod claims;
pub mod digest;
pub mod hostname;
pub mod image_set;
pub mod job;
pub mod pack;
pub mod pseudonym;
pub mod query;
pub mod routing;
pub mod site;
pub mod siteverify;
pub mod tar;
pub mod throttle;
pub mod timestamp;

//! The risk model: labelled traces, generators of attackers, training, evaluation, report.

pub mod boosting;
pub mod corpus;
pub mod generators;
pub mod model_file;
pub mod random;
pub mod report;
pub mod traces;
pub mod validation;

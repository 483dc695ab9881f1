//! What reviewers should not have to look for: the arrow of layers, the purity of the core, sizes, and what must
//! exist for what else exists.

mod complete;
mod layers;
mod licences;
mod size;
mod source;
mod words;

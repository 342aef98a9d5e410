//! `parlor learn` and `parlor qna`, through the binary: folders, and a website
//! that each test makes up.

mod stage;
mod website;

mod folders;
mod qnas;
mod running;
mod sites;

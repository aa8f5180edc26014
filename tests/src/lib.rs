//! Whole-system tests: the built program, driven from outside by the clients that people use. Everything is in `it/`;
//! what a test needs beyond cargo is installed by `install.sh`, and `run.sh` runs all of it (docs/testing.md).

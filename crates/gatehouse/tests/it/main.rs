//! Black-box tests of the whole program.


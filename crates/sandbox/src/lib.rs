//! Where strangers' code runs: isolated processes with limits, and the workers that call its functions.

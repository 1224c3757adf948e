//! A readable text of facts, for tests and for reading by eye.

"""Tables: files, frames and arrays in, one Arrow table out, in memory or in passing; `read` is the entrance."""

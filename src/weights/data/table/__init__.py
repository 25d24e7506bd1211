"""Tables: files, frames and arrays in, one Arrow table out, in memory or streamed; `read` is the entrance."""

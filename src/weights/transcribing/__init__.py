"""Words of recordings as long as they last: `listening` hears moments, `decoding` finds words, `transcriber` puts them together."""

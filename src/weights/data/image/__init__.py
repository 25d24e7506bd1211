"""Images: bytes of files and arrays in, a column of images of one size out; `medium` is the entrance."""

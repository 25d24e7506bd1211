"""How good a fitted ensemble is on labelled rows that it never saw: `scoring.score_rows` makes a `records.Score`, which prints itself."""

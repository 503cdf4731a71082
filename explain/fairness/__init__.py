"""Who gets worse recommendations, and which items are starved of exposure: figures, intervals, tests. No Django."""

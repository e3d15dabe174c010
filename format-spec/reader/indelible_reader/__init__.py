"""An independent reader of Indelible logs, written from the prose chapters beside it.

It shares no code with the codec in `src/`. Purpose: to show that the chapters alone are
enough to list every record of a log and to recompute everything the log commits to.
Not here: writing, repairing, queries, index runs (derived, never evidence).
"""

FORMAT_VERSION = 1

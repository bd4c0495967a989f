"""What schedules will do: starts to come, what is odd about them, and why.

Everything but `rows`, which reads, is a value or a function of values. The starts themselves come
from `jobarranger.calendars`, as for the loader (docs/plan.md).
"""

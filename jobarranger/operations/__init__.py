"""What people may do to runs, icons and starts, for commands, the trapper and whoever else asks.

Each operation asks for the right, looks at the state, says what stands against it, and
leaves one row in `ja_ext_audit`. The engine (`jobarranger.flow`) goes on from there and knows
nothing of people.
"""

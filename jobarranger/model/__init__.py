"""What a run is made of: its rows in memory, and the rules about them. Pure, without SQL.

`records` are instances and icons, `census` their count, `change` what is to be written.
`variables`, `numbers`, `expressions`, `arrivals` and `pauses` are the rules that icons, engine
and readers share.
"""

"""What an icon asks of the outside, and what to do next with it (docs/requests.md).

A request goes by one channel: to an agent (`states.Channel`; nothing is sent by others yet).
`request` is the record of a row, `steps` and `decide` say what comes next, `hosts` how much may be
asked of a host; they are pure. `rows` has all statements about `ja_ext_dispatch`.
"""

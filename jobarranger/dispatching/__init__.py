"""What to do next with a request to an agent: values and pure decisions (docs/dispatch.md).

`rows` has the statements about the requests (`ja_ext_dispatch`).
"""

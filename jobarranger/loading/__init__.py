"""From a start request to a started run: register, load, boot (docs/loading.md).

`requests.register` writes the request, `load.load_requests` expands it into icons and flows,
`boot.boot_due` decides that it starts. Each is one transaction per batch.
"""

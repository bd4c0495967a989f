"""Jobnet definitions as people write them: YAML files (docs/definitions.md).

`yamlform.parse` turns a file into a definition, `structure.check` applies the rules of a jobnet
that may be put in force, `versions.store` writes a new version.
"""

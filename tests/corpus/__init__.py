"""Signed and damaged images, made by the real programs and by byte surgery, and what is to be
said of each.

`surgery` changes bytes, `keys` and `signatures` make what gets signed, `cases` is the list with
the expected verdicts, `workshop` puts it all together. `apptainer-1.4.5.json` holds what the real
`apptainer verify` answers (`scripts/record-apptainer` records it again).
"""

"""The command line: parse, call the library, print, exit. Decides nothing."""

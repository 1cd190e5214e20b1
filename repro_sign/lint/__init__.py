"""Recipes of images: is everything in them pinned, checked, said? Starts nothing, fetches nothing.

A file is read into values (`recipe`, `packages`), and rules (`rules`) are judged on these. All text
in a recipe is hostile: it is bounded when it is read, and escaped before it is quoted.
"""

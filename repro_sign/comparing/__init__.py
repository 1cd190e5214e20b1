"""Use case: say how two images differ, or two manifests, or an image and a manifest.

Nobody is trusted by it and nothing is verified. (`repro_sign.examining.comparison` is something
else: it decides whether a manifest is about an image, for `verify`.)
"""

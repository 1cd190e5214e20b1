"""What is in an image, whatever the packing: file trees of squashfs partitions, content digests.

A squashfs is read in a child process that can do nothing else (`child`, with `squashfs` and
`decompression`); everything else here runs in the caller's process and takes the child's word
with care.
"""

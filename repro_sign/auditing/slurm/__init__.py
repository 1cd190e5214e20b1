"""The machines of a site read an audit's images: Slurm, through submitit (decision 0024).

`shard` is what a job does, `jobs` sends jobs and waits for them, `queue` asks Slurm how they are,
`executor` believes what they found, or does not.
"""

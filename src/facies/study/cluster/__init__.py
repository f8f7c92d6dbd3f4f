"""Large cohorts: photographs by a manifest, read by one machine or many, written in shards.

::

    manifest.py     which photographs: a table of them, at a path or URL
    folders.py      the photographs of a folder, and none outside of it
    places.py       where bytes lie: a folder of this machine, or a URL
    photographs.py  one photograph's bytes, from a disk or over the network
    shards.py       parts of the manifest with fixed boundaries
    products.py     what a shard becomes: vectors and faces, or predictions, as Parquet bytes
    engines.py      who does the shards: this machine's threads and processes, or Ray
    ray_engine.py   the side that facies sees of Ray; ray_program.py is the program that drives it
    writing.py      shards and their records into a folder, going on where an earlier run stopped
    reading.py      the folder back as tables and vectors
"""

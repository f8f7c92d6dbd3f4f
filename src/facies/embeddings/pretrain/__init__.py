"""Pretrain an encoder on crops without labels.

::

    CropArray, write_crops, read_crops   crops on disk, read in place
    PretrainRecipe, read_recipe          every choice of a run, as one TOML file
    make_backbone                        a network without a head, by name
    pretrain, Pretrained                 the run: resumes where it was killed
    Probe                                labels that watch the run; they never train the network
    export_encoder                       the trained network as an ONNX file that needs no torch

Each name is imported from its module (``facies.embeddings.pretrain.train.pretrain``): this package itself loads nothing heavy.
"""

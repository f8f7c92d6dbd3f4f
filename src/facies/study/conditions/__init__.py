"""Studies that recognise a disease in the face: one file a stage, and their order."""

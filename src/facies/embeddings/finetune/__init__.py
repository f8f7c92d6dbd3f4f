"""Fine-tuning: a network's own weights are fitted to labels, with a distribution over ages or one score a condition at its end.

Nothing here is loaded until it is used, and all of it needs the extra ``train``::

    recipe      FinetuneRecipe, read_recipe         every setting, stored with the result
    network     AgeNetwork, Head                    the network, its blocks by depth, the head on its features
    objective   AgeObjective, ConditionObjective    what is made small
    batches     batches                             views of the crops, drawn ahead in a second thread
    training    fine_tune                           the loop: steps, averages of weights, checkpoints, the choice of epochs
    checkpoint  Checkpoints                         what an interrupted training goes on from
"""

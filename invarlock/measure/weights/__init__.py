"""Weights as the model computes with them, a tensor at a time, whatever they are stored as.

:func:`model.weights_of` gives the weights of a model folder by name; each opens into a
:class:`stored.View`, which hands out blocks of float64.
"""

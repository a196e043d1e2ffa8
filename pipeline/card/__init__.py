"""How good a group's model is: figures, curves, pictures, and the model card that holds them."""

"""Networks of generators and critics, and the model that is defined by its networks."""

"""The families: a folder of models each."""

FAMILIES = (
    *("density", "energy", "autoregressive", "vae"),
    *("flow", "diffusion", "adversarial", "translation"),
)

"""Models that sample in one step or few, learnt from a diffusion or beside one."""

"""Rounds as compiled programs: deal, losses, gradients, Adam and what follows each move in one graph.

Where networks are small, a round costs operations and autograd nodes, hundreds of each, not arithmetic. So a
round is played once under a tracer, which writes down every operation, those of gradients and of Adam too;
a compiler then makes one program of it. There is one program for each set of players that move together.

What makes such a program the same round as before:

* Weights and moments that take the same steps lie side by side, each in one tensor, of which the model's
  weights are views (`Bundle`): Adam is a handful of operations, and the optimiser's state stays as it was.
* All parameters and buffers are arguments of the program, so what a round changes is changed in the model.
* Random numbers are drawn before each round by the usual kernels, in the order of the trace, and handed to
  the program: the same seeds give the same noise (`lifted`).
* What a trace cannot see is refused (`Unfit`): a tensor that is read as a number, an attribute that a round
  changes, a shape that depends on data. Such a game is played as usual, and the reason is said.
"""

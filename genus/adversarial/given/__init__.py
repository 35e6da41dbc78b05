"""Games of which the class is a part: the critic also says which class a row is of."""

"""The one room that knows the library of agents and the libraries of models; start-up never enters it."""

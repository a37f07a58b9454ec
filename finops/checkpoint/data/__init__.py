"""The data of a training: which samples come next, from any place, each once."""

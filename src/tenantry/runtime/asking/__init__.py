"""Questions in plain words, answered from tools alone: every digit of an answer is a tool's."""

"""The command line: parse the words, call one flow, render the result."""

"""A whole project as a folder of files that can be proved: written, gone on with, brought up to date, checked."""

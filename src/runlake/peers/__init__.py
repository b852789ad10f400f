"""Others' packages, asked in processes of their own: in whichever environment has them, and without ours in it."""

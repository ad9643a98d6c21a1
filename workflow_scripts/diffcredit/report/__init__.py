"""Figures and tables as people look at them; they read result tables and decide nothing."""

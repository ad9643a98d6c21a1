"""Figures and tables for the report, made from the result tables."""
